import pytest

from pipelines import reference_docs


@pytest.mark.parametrize("name", reference_docs.PAGES)
def test_the_page_says_what_the_code_says(name: str) -> None:
    written = (reference_docs.FOLDER / name).read_text()

    assert written == reference_docs.PAGES[name](), "run: python -m pipelines.reference_docs"
