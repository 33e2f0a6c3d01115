"""What a host shows: every option once, the plug-in's own parameters, and the header that the C code reads."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ofx_reenact.openfx import header as writing
from ofx_reenact.openfx import parameters as table
from ofx_reenact.openfx.commands import main
from ofx_reenact.settings import Settings, describe
from ofx_reenact.settings.option import split_list

ROOT = Path(__file__).resolve().parents[2]
PARAMETERS = {one.name: one for one in table.parameters()}
OPTIONS = {option["name"]: option for option in describe()["options"]}
PRINTING = r"""
#define REENACT_TABLES
#include <stdio.h>
#include "parameters.h"
static void number(double value) { printf("%a\n", value); }
int main(void) {
    printf("%s\n%d\n%d\n%d\n", REENACT_VERSION, REENACT_PROTOCOL, PARAMETER_COUNT, GROUP_COUNT);
    for (int i = 0; i < PARAMETER_COUNT; i++) {
        const Parameter *one = &PARAMETERS[i];
        printf("%s\n%s\n%s\n%s\n%d\n%d\n%d\n", one->name, one->label, one->help, one->group, one->kind == KIND_CHOICE,
               one->is_option, one->animatable);
        number(one->first); number(one->low); number(one->high); number(one->shown_low); number(one->shown_high);
        printf("%s\n", one->text);
        for (int k = 0; one->choices && one->choices[k]; k++) printf("%s ", one->choices[k]);
        printf("\n");
    }
    for (int i = 0; i < GROUP_COUNT; i++) printf("%s\n%s\n%d\n", GROUPS[i].name, GROUPS[i].label, GROUPS[i].open);
    return 0;
}
"""


def test_the_committed_header_is_what_would_be_written():
    kept = (ROOT / "openfx" / "parameters.h").read_text(encoding="utf-8")
    assert kept == writing.header(), writing.COMMAND


def test_parameters_writes_the_header(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("ofx_reenact.openfx.commands.openfx_folder", lambda: tmp_path)
    assert main(["parameters"]) == 0
    assert (tmp_path / "parameters.h").read_bytes() == writing.header().encode()
    assert capsys.readouterr().out.strip() == str(tmp_path / "parameters.h")


def test_every_option_is_a_parameter_or_left_out():
    assert {one.name for one in PARAMETERS.values() if one.is_option} | {*table.LEFT_OUT} == set(OPTIONS)
    assert len(PARAMETERS) == len(table.parameters()) and not set(PARAMETERS) & {*table.LEFT_OUT}
    own = {one.name for one in PARAMETERS.values() if not one.is_option}
    assert own == {one.name for one in table.OWN} and not own & set(OPTIONS)


def test_what_an_editor_needs_is_above_the_groups_and_all_else_in_one():
    groups = [one.group for one in table.parameters()]
    assert [one.name for one in table.parameters() if not one.group] == [*table.TOP] == [*PARAMETERS][: len(table.TOP)]
    assert {*groups} - {""} == {group.name for group in table.GROUPS} and not any(g.open for g in table.GROUPS)
    names = [group.name for group in table.GROUPS]
    assert groups == sorted(groups, key=lambda name: names.index(name) if name else -1)
    assert not {*names} & set(PARAMETERS), "hosts know groups and parameters by one name each"


def test_a_new_option_comes_last_in_the_group_of_its_name(monkeypatch):
    new = {**OPTIONS["smoothing"], "name": "new_option"}
    monkeypatch.setattr(table, "describe", lambda: {"options": [*OPTIONS.values(), new]})
    there = [one for one in table.parameters() if one.group == "group_tracking"]
    assert there[-1].name == "new_option" and there[-1].label == "New option" and len(there) == 7


@pytest.mark.parametrize("wrong", [{"default": 3}, {"type": "choices"}, {"group": "Nowhere"}])
def test_an_option_that_no_host_can_show_is_an_error(monkeypatch, wrong):
    new = {**OPTIONS["target_frame"], "name": "new_option", **wrong}
    monkeypatch.setattr(table, "describe", lambda: {"options": [*OPTIONS.values(), new]})
    with pytest.raises(LookupError):
        table.parameters()


def test_defaults_are_those_of_the_settings():
    def value_of(one):
        if one.kind == "frame":
            assert not one.text
            return None
        if one.kind == "number":
            return one.first
        if one.kind == "choice":
            return one.choices[int(one.first)]
        return list(split_list(one.text)) if one.kind == "files" else one.text

    defaults = {one.name: value_of(one) for one in PARAMETERS.values() if one.is_option}
    assert Settings.from_dict(defaults) == Settings() and all(
        defaults[name] == value for name, value in Settings().as_dict().items() if name in defaults
    )


def test_ranges_choices_and_kinds_are_those_of_the_settings():
    for name, one in PARAMETERS.items():
        assert one.low <= one.shown_low <= one.shown_high <= one.high and one.help.endswith(".")
        if one.kind == "number":
            assert one.low <= one.first <= one.high
        if one.is_option and one.kind == "number":
            assert (one.low, one.high) == (OPTIONS[name]["low"], OPTIONS[name]["high"])
        if one.kind == "choice":
            assert one.choices and (not one.is_option or list(one.choices) == OPTIONS[name]["choices"])
    kinds = {name: one.kind for name, one in PARAMETERS.items()}
    assert [kinds[name] for name in ("target", "appearance", "reference", "face")] == ["file", "files", "frame", "text"]
    assert [kinds[name] for name in ("strength", "gaze", "folder")] == ["number", "choice", "folder"]
    # Any other tracker may be named.
    assert kinds["tracker"] == "text" and PARAMETERS["tracker"].help.endswith(": mesh, fan, dlib, file.")
    animatable = {name for name, one in PARAMETERS.items() if one.animatable}
    assert animatable == {name for name, option in OPTIONS.items() if option["animatable"]}


def test_labels_are_the_words_of_the_nodes_panel():
    code = (
        "import json; from reenact_nuke import layout, options; "
        "print(json.dumps({o['name']: layout.knobs_of_option(o)[0].label for o in options.all_options()}))"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT / "nuke")}
    said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    labels = json.loads(said.stdout)
    shown = {one.name: one.label for one in PARAMETERS.values() if one.is_option}
    assert {name: label.lower() for name, label in shown.items()} == {name: labels[name].lower() for name in shown}
    assert all(label[0].isupper() for label in shown.values()) and shown["fdgan_weights"] == "FD-GAN weights"


def test_c_reads_what_the_table_says(tmp_path, monkeypatch):
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.importorskip("ziglang")
    odd = dataclasses.replace(PARAMETERS["status"], help='Quotes ", a \\ and an é.')
    shown = [odd if one.name == "status" else one for one in table.parameters()]
    monkeypatch.setattr(writing, "parameters", lambda: tuple(shown))
    (tmp_path / "parameters.h").write_text(writing.header(), encoding="utf-8")
    (tmp_path / "show.c").write_text(PRINTING, encoding="utf-8")
    start = [compiler] if compiler else [sys.executable, "-m", "ziglang", "cc"]
    line = [*start, "-std=c11", "-Wall", "-Wextra", "-Werror", "show.c", "-o", "show"]
    subprocess.run(line, cwd=tmp_path, check=True)
    said = subprocess.run([tmp_path / "show"], capture_output=True, check=True).stdout.decode().split("\n")
    start, said = said[:4], said[4:]
    assert start[2:] == [str(len(shown)), str(len(table.GROUPS))]
    for one in shown:
        texts, numbers, said = said[:7], said[7:12], said[12:]
        flags = [str(int(flag)) for flag in (one.kind == "choice", one.is_option, one.animatable)]
        assert texts == [one.name, one.label, one.help, one.group, *flags]
        assert [float.fromhex(number) for number in numbers] == [
            one.first, one.low, one.high, one.shown_low, one.shown_high,
        ]  # fmt: skip
        assert said[:2] == [one.text, "".join(f"{choice} " for choice in one.choices)]
        said = said[2:]
    assert said == [*(text for group in table.GROUPS for text in (group.name, group.label, "0")), ""]


def test_every_parameter_is_described():
    page = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    grouped = page.partition("## OpenFX parameters")[2]
    assert not [one.name for one in table.parameters() if one.label not in grouped]
    own = [one for one in table.parameters() if not one.is_option]
    assert own and not [one.name for one in own if f"| {one.label} |" not in grouped or one.help not in grouped]
    assert not [group.label for group in table.GROUPS if f"| {group.label} |" not in grouped]
