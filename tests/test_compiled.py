"""The cache of compiled functions, also in a read-only installation and for a user without a home."""

import pytest
from numba.core.caching import InTreeCacheLocator, UserWideCacheLocator

from ofx_reenact import compiled as module
from ofx_reenact.compiled import cache_folder, compiled


def double(x: int) -> int:
    return 2 * x


@pytest.fixture
def read_only(monkeypatch, tmp_path):
    """Make numba find that neither the package's folder nor the user's cache can be written to."""
    for kind in (InTreeCacheLocator, UserWideCacheLocator):
        monkeypatch.setattr(kind, "from_function", classmethod(lambda cls, function, file: None))
    monkeypatch.setattr(module.config, "CACHE_DIR", "")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_the_private_folder_is_used_where_no_other_can_be_written_to(read_only):
    function = compiled(double)
    assert function(4) == 8 and function.stats.cache_path.startswith(str(read_only))
    assert list(read_only.rglob("*.nbc")) and module.config.CACHE_DIR == ""
    again = compiled(double)
    assert again(4) == 8 and again.stats.cache_hits


@pytest.mark.parametrize("trouble", ["another's", "gone"])
def test_without_any_folder_each_process_compiles(read_only, monkeypatch, trouble):
    if trouble == "gone":
        monkeypatch.setattr("tempfile.tempdir", str(read_only / "gone"))
    else:
        module.private_folder().chmod(0o777)
    assert cache_folder() is None and compiled(double)(4) == 8 and not list(read_only.rglob("*.nb*"))


def test_a_user_without_home_gets_no_folder_named_tilde(monkeypatch, tmp_path):
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(module.config, "CACHE_DIR", "")
    monkeypatch.chdir(tmp_path)
    assert compiled(double)(4) == 8
    assert str(cache_folder()).startswith(str(tmp_path)) and not (tmp_path / "~").exists()


@pytest.mark.parametrize("damage", [b"", b"\x80\x04", b"no pickle at all"])
def test_a_damaged_cache_is_replaced(read_only, damage):
    compiled(double)(4)
    for path in read_only.rglob("*.nb*"):
        path.write_bytes(damage)
    assert compiled(double)(4) == 8
    again = compiled(double)
    assert again(4) == 8 and again.stats.cache_hits


def test_functions_are_compiled_although_the_disk_is_full(read_only, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("numba.core.caching.IndexDataCacheFile._open_for_write", full)
    assert compiled(double)(4) == 8
