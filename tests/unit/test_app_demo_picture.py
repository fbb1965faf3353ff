"""The demo's picture: well-formed, self-contained, and it shows what it is told to."""

from xml.etree import ElementTree

import numpy as np

from telephony.app.demo.picture import Lane, Mark, Picture, Zoom, draw

SVG = "{http://www.w3.org/2000/svg}"
VOICE = (8000 * np.sin(np.arange(16_000) / 5)).astype(np.int16)


def picture(*marks: Mark, zoom: Zoom | None = None) -> ElementTree.Element:
    drawn = draw(
        Picture(
            title='A <call> & "more"',
            subtitle="both voices",
            lanes=(
                Lane(0, "caller", VOICE),
                Lane(1, "agent", VOICE // 2),
                Lane(1, "agent", VOICE, is_ghost=True),
                Lane(1, "operator", np.zeros(0, np.int16)),
            ),
            marks=marks,
            steps=(("greeting", True, "0.1 s"), ("digit", False, "")),
            zoom=zoom,
            seconds=2.5,
        )
    )
    assert "href" not in drawn
    assert "prefers-color-scheme:dark" in drawn
    return ElementTree.fromstring(drawn)  # noqa: S314 - drawn by us just now


def texts(svg: ElementTree.Element) -> list[str]:
    return [one.text or "" for one in svg.iter(f"{SVG}text")]


def test_it_is_well_formed_and_says_what_it_is_told() -> None:
    shown = texts(picture())
    for expected in ('A <call> & "more"', "Caller", "Agent", "2 s", "✓", "✗", "greeting"):
        assert expected in shown


def test_a_voice_has_bars_and_silence_has_none() -> None:
    svg = picture()
    bars = {
        one.get("class"): (one.get("d") or "").count("M")
        for one in svg.iter(f"{SVG}path")
        if one.get("stroke-linecap")
    }
    assert bars["caller"] > 200
    assert bars["agent ghost"] == bars["caller"]
    assert bars["operator"] == 0


def test_labels_keep_apart_and_inside() -> None:
    svg = picture(
        Mark(1000, 0, "one", "caller"),
        Mark(1001, 0, "two", "caller"),
        Mark(2490, 1, "the very end of it", "cut"),
        Mark(500, 0, "1", "key"),
    )
    placed = {
        one.text: (float(one.get("x") or 0), float(one.get("y") or 0), one.get("text-anchor"))
        for one in svg.iter(f"{SVG}text")
    }
    assert placed["one"][1] - placed["two"][1] == 16
    assert placed["the very end of it"][2] == "end"
    assert len(list(svg.iter(f"{SVG}circle"))) == 1


def test_the_zoom_shows_what_was_heard_and_how_it_would_have_gone_on() -> None:
    zoom = Zoom(VOICE[:520], VOICE[100:620], 40, "the cut of it")
    svg = picture(zoom=zoom)
    lines = list(svg.iter(f"{SVG}polyline"))
    assert [len((one.get("points") or "").split()) for one in lines] == [520, 520]
    assert "the cut of it" in texts(svg)
