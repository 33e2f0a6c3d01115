"""A render goes through every stage that a benchmark times, and only through those."""

from contextlib import contextmanager

from jobs import job

from ofx_reenact.bench.stages import STAGES
from ofx_reenact.engine.render_job import render_sequence
from ofx_reenact.stages import observe_stages, stage


def test_a_render_goes_through_every_stage_by_its_name(performance_file, tmp_path):
    seen = set()

    @contextmanager
    def note(name):
        seen.add(name)
        yield

    with observe_stages(note):
        render_sequence(job(tmp_path, performance_file, frames="36"))
    # A picture alone has no other that parts could come from.
    assert seen == set(STAGES) - {"parts"}


def test_the_innermost_observer_is_asked_and_none_when_it_is_gone():
    seen = []

    @contextmanager
    def note(name):
        seen.append(name)
        yield

    with observe_stages(note), stage("outer"), stage("inner"):
        pass
    with stage("later"):
        pass
    assert seen == ["outer", "inner"]
