"""What a PDF says, or in one sentence why it says nothing."""

import io

from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader, PdfWriter

from gateway.documents import pdf_child
from gateway.documents.pdf_child import read_pdf
from tests.fakes.pdf_file import pdf_file


def test_the_words_of_each_page_under_its_number():
    assert read_pdf(pdf_file(["One fish", "", "Two fish"])).text == "Page 1:\nOne fish\n\nPage 3:\nTwo fish"


def test_a_scan_holds_no_text():
    assert read_pdf(pdf_file([""])).fault == "the PDF holds no text, only pictures of it"


def locked(user: str) -> bytes:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf_file(["secret"]))))
    writer.encrypt(user_password=user, owner_password="owner", algorithm="RC4-128")
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def test_one_that_everybody_may_read_is_read_and_one_with_a_password_is_not():
    assert read_pdf(locked("")).text == "Page 1:\nsecret"
    assert read_pdf(locked("word")).fault == "the PDF is encrypted"


def test_so_many_pages_and_so_much_text(monkeypatch):
    monkeypatch.setattr(pdf_child, "MOST_PAGES", 2)
    assert read_pdf(pdf_file(["a"] * 3)).fault == "the PDF has 3 pages, at most 2 are read"
    monkeypatch.setattr(pdf_child, "MOST_CHARACTERS", 20)
    assert "characters of text" in read_pdf(pdf_file(["a" * 30, "b" * 30])).fault


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_broken_ones_are_told_in_words(data):
    whole = bytearray(pdf_file(["One fish", "Two fish"]))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(whole) - 1))
        whole[place : place + data.draw(st.integers(0, 20))] = data.draw(st.binary(max_size=20))
    told = read_pdf(bytes(whole[: data.draw(st.integers(0, len(whole)))]))
    assert bool(told.text) != bool(told.fault)


def test_what_is_no_pdf_at_all():
    for given_bytes in (b"", b"%PDF-1.4", b"\x00" * 100, b"<html>"):
        assert read_pdf(given_bytes).fault == "this is no PDF that can be read"
