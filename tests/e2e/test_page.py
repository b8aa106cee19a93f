"""A person walks through the page of a served world, with mouse and keyboard, in Chromium."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from worlds.browser import NARROW, NEEDS_CHROMIUM, Visit, browser
from worlds.live import eventually

pytestmark = [pytest.mark.browser, NEEDS_CHROMIUM]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as chromium:
        yield chromium


@pytest.fixture
def visit(chromium: Any, served: Any) -> Iterator[Visit]:
    visit = Visit(chromium, served.url)
    yield visit
    visit.page.close()
    assert visit.complaints == []
    assert visit.outside == []


def expect(locator: Any) -> Any:
    from playwright.sync_api import expect as expected

    return expected(locator, None)


def told_after(page: Any, words: str) -> None:
    """The line at the bottom has these words, and then how long it took until the page knew."""
    expect(page.locator("#toast-text")).to_contain_text(words)
    expect(page.locator("#toast-text")).to_contain_text("after", timeout=20_000)


def focus_of(page: Any) -> str:
    at = "document.activeElement"
    found: str = page.evaluate(f"{at}.id || {at}.closest('[data-video]')?.dataset.video + ' ' + {at}.dataset.part")
    return found


def shown_on(page: Any) -> set[str]:
    return {one.get_attribute("data-video") for one in page.locator("[data-video]").all()}


def headings(page: Any) -> list[str]:
    found: list[str] = page.locator("main :is(h1, h2, h3):visible").all_inner_texts()
    return found


def hidden_from(served: Any, viewer: str) -> str:
    """What the features say that this viewer does not want to see."""
    exported = str(served.get(f"viewers/{viewer}/export"))
    return str(re.findall(r"'hidden_video_ids': (\[[^]]*\])", exported))


def followed_by(served: Any, viewer: str) -> str:
    """Whom the features say that this viewer follows."""
    exported = str(served.get(f"viewers/{viewer}/export"))
    return str(re.findall(r"'followed_creator_ids': (\[[^]]*\])", exported))


def series(served: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """An episode, and the one that everybody may watch next."""
    for found in served.get("search", q="episode", limit=100)["items"]:
        following = served.get("recommendations/up-next", current_video=found["item_id"], limit=1)["up_next"]
        if following and following["reason"] == "Next in series":
            return served.get(f"videos/{found['item_id']}"), served.get(f"videos/{following['video_id']}")
    raise AssertionError("no series in this world")


def test_the_home_page_has_one_heading_rows_and_no_reason_twice(visit: Visit, served: Any) -> None:
    page = visit.whole(f"/?viewer={served.viewer}")
    assert page.title() == f"For {served.viewer} · Marquee"
    assert page.locator("h1").all_inner_texts() == [f"For {served.viewer}"]
    assert page.locator(".row h2").count() >= 3
    expect(page.locator("#viewer")).to_have_value(served.viewer)
    assert page.locator("#places [aria-current]").all_inner_texts() == ["Home"]
    for row in page.locator(".row").all():
        head = row.locator("header").inner_text()
        under = row.locator(".reason").all_inner_texts()
        assert [words for words in under if words in head] == []
        cards = row.locator(".card").count()
        assert not under or max(under.count(words) for words in under) <= max(cards / 2, 1)


def test_watching_to_the_end_changes_the_page(visit: Visit, served: Any) -> None:
    page = visit.whole("/?viewer=u00060")
    video = page.locator("#hero").get_attribute("data-video")
    page.locator("#hero .primary").click()
    visit.drawn()
    assert page.evaluate("document.activeElement.id") == "title"
    expect(page.locator("#play")).to_contain_text("Pause")  # it plays, as it was asked to
    page.locator("#end").click()
    expect(page.locator("#cancel")).to_be_focused()
    page.keyboard.press("Escape")
    page.go_back()
    visit.drawn()
    expect(page.locator("h1")).to_have_text("For u00060")
    assert page.locator(f"[data-video='{video}']").count() == 0
    known = served.get("viewers/u00060")
    assert known["history"][0]["video_id"] == video


def test_not_interested_takes_the_video_away_keeps_the_focus_and_can_be_undone(visit: Visit, served: Any) -> None:
    page = visit.whole("/?viewer=u00151")
    video = page.locator("#hero").get_attribute("data-video")
    before = shown_on(page)
    page.locator("#hero [data-part='no']").focus()
    page.keyboard.press("Enter")
    told_after(page, "Not interested in")
    assert page.locator(f"[data-video='{video}']").count() == 0
    assert video in hidden_from(served, "u00151")
    assert focus_of(page).endswith(" no")  # of the video that stands there now
    assert shown_on(page) - before  # another has come in its place
    page.locator("#undo").click()
    told_after(page, "Took back")
    assert video not in hidden_from(served, "u00151")
    page.goto(f"{visit.url}/?viewer=u00151&video={video}")
    visit.drawn()
    expect(page.locator("[data-action='not_interested']")).to_have_attribute("aria-pressed", "false")


def test_a_like_and_a_dislike_are_pressed_and_taken_back_by_keyboard(visit: Visit, served: Any) -> None:
    video = served.get("recommendations/home", "u00182")["recommendations"][3]["video_id"]
    page = visit.open(f"/?viewer=u00182&video={video}")
    for action, said in (("like", "Liked"), ("dislike", "Disliked")):
        button = page.locator(f"[data-action='{action}']")
        button.focus()
        page.keyboard.press("Enter")
        expect(button).to_have_attribute("aria-pressed", "true")
        expect(page.locator("#toast-text")).to_contain_text(said)
        expect(page.locator("#undo")).to_be_visible()
        expect(button).to_be_focused()
        page.keyboard.press("Enter")
        expect(button).to_have_attribute("aria-pressed", "false")
        expect(page.locator("#toast-text")).to_contain_text("Took back")
    page.locator("[data-action='like']").click()
    expect(page.locator("#undo")).to_be_visible()
    page.reload()
    visit.drawn()
    expect(page.locator("[data-action='like']")).to_have_attribute("aria-pressed", "true")  # the tab remembers


def test_a_channel_is_followed_and_stars_are_given_by_keyboard_and_taken_back(visit: Visit, served: Any) -> None:
    viewer = "u00197"
    video = served.get("recommendations/home", viewer)["recommendations"][2]["video_id"]
    found = served.get(f"videos/{video}")
    page = visit.open(f"/?viewer={viewer}&video={video}")
    follow = page.locator("[data-follow]")
    expect(follow).to_have_text(f"Follow {found['creator_name']}")
    follow.focus()
    page.keyboard.press("Enter")
    expect(follow).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#toast-text")).to_contain_text(f"You follow {found['creator_name']}")
    eventually(lambda: f"'{found['creator_id']}'" in followed_by(served, viewer), 20)
    expect(page.locator("#undo")).to_be_visible()
    page.locator("#undo").click()
    expect(follow).to_have_text(f"Follow {found['creator_name']}")
    expect(page.locator("#toast-text")).to_contain_text("You no longer follow")
    eventually(lambda: f"'{found['creator_id']}'" not in followed_by(served, viewer), 20)
    page.get_by_role("radio", name="1 star").focus()
    page.keyboard.press("ArrowLeft")  # from the first to the last
    expect(page.get_by_role("radio", name="5 stars")).to_be_checked()
    expect(page.locator("#toast-text")).to_contain_text("5 stars")
    page.locator("[data-action='like']").click()  # the last opinion counts
    expect(page.locator("[data-action='like']")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("radio", name="5 stars")).not_to_be_checked()
    page.get_by_role("radio", name="4 stars").check(force=True)
    expect(page.locator("[data-action='like']")).to_have_attribute("aria-pressed", "false")
    expect(page.locator("#toast-text")).to_contain_text("4 stars")
    page.reload()
    visit.drawn()
    expect(page.get_by_role("radio", name="4 stars")).to_be_checked()  # the tab remembers
    expect(page.locator("[data-follow]")).to_have_attribute("aria-pressed", "false")


def test_cards_are_walked_with_arrow_keys_and_why_is_said_in_words(visit: Visit, served: Any) -> None:
    page = visit.whole(f"/?viewer={served.viewer}")
    faces = page.locator(".row").first.locator(".face")
    faces.first.focus()
    page.keyboard.press("ArrowRight")
    expect(faces.nth(1)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".row").nth(1).locator(".face:focus")).to_have_count(1)
    page.keyboard.press("ArrowUp")
    expect(page.locator(".row").first.locator(".face:focus")).to_have_count(1)
    page.keyboard.press("Tab")
    expect(page.locator(".why:focus")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator("#why")).to_be_visible()
    said = page.locator("#why-words").inner_text()
    assert "It was found because" in said
    assert "This viewer is expected to" in said
    assert not re.search(r"two_tower|item_item|p_click|undefined|NaN", said)
    page.locator("#why summary").click()
    assert "p_click" in page.locator("#why-numbers").inner_text()
    page.keyboard.press("Escape")
    expect(page.locator("#why")).to_be_hidden()
    expect(page.locator(".why:focus")).to_have_count(1)


def test_search_answers_while_one_types_and_filters_narrow_it(visit: Visit, served: Any) -> None:
    episode, _ = series(served)
    words = episode["title"].split(",")[0]
    typo = words[:-1]  # a letter is missing
    page = visit.whole(f"/?viewer={served.viewer}")
    page.locator("#q").press_sequentially(typo)
    expect(page.locator("h1")).to_have_text(f"Results for “{typo}”")
    visit.drawn()
    expect(page.locator("#q")).to_be_focused()
    expect(page.locator("#said")).to_contain_text("result")
    assert words in " ".join(page.locator(".card .poster").all_inner_texts())
    assert f"q={quote(typo).replace('%20', '+')}" in page.url
    page.locator("#by-category").select_option("Kids" if episode["category"] != "Kids" else "Music")
    expect(page.locator("#by-category")).to_be_focused()
    visit.drawn()
    assert "category=" in page.url
    assert episode["video_id"] not in [one.get_attribute("data-video") for one in page.locator(".card").all()]
    page.locator("#q").fill("zzzzqqqq")
    page.keyboard.press("Enter")
    expect(page.locator(".empty").first).to_contain_text("Nothing matches “zzzzqqqq” with these filters")
    page.get_by_role("link", name="Search without filters").click()
    expect(page.locator(".empty").first).to_contain_text("Nothing matches “zzzzqqqq”.")
    assert page.locator(".tile").count() > 1
    page.go_back()
    page.go_back()
    expect(page.locator("#q")).to_have_value(typo)


def test_categories_lists_and_their_addresses(visit: Visit, served: Any) -> None:
    page = visit.whole(f"/?viewer={served.viewer}")
    page.get_by_role("link", name="Categories").click()
    expect(page.locator("h1")).to_have_text("Categories")
    expect(page.locator("h1")).to_be_focused()
    name = page.locator(".tile").first.inner_text()
    page.locator(".tile").first.click()
    expect(page.locator("h1")).to_have_text(name)
    visit.drawn()
    shown = page.locator(".card").count()
    assert shown > 5
    page.get_by_role("link", name=f"Trending in {name}").click()
    expect(page.locator("h1")).to_have_text(f"Trending now: {name}")
    expect(page.locator("#narrow")).to_have_value(name)
    page.go_back()
    expect(page.locator("h1")).to_have_text(name)
    visit.drawn()
    for place, title in (("trending", "Trending now"), ("new", "New releases"), ("area", "Popular near you")):
        page.locator(f"#places [data-place='{place}']").click()
        expect(page.locator("h1")).to_have_text(title)
        visit.drawn()
        assert page.locator(".card").count() > 5
        assert page.locator("#places [aria-current]").get_attribute("data-place") == place
    for name in ("continue_watching", "because"):
        visit.open(f"/?viewer={served.viewer}&list={name}")
        assert page.locator(".card").count() > 0
    more = page.locator(".more button")
    before = page.locator(".card").count()
    if more.count():
        more.click()
        expect(page.locator(".card")).not_to_have_count(before)
        assert page.evaluate("document.activeElement.className") == "face"


def test_a_video_has_a_page_of_its_own_with_more_like_it(visit: Visit, served: Any) -> None:
    episode, _ = series(served)
    page = visit.whole(f"/?viewer={served.viewer}&video={episode['video_id']}")
    assert page.locator("h1").all_inner_texts() == [episode["title"]]
    assert episode["description"] in page.locator(".about").inner_text()
    assert f"Episode {episode['episode']}" in page.locator("#lead").inner_text()
    alike = [one.get_attribute("data-video") for one in page.locator("#alike .card").all()]
    assert len(alike) > 5
    assert episode["video_id"] not in alike
    other = page.locator("#alike .card").nth(2)
    title = other.locator(".poster").inner_text()
    other.locator(".face").click()
    expect(page.locator("h1")).to_have_text(title)
    visit.drawn()
    assert headings(page)[:3] == [title, "Why this?", "More like this"]
    page.go_back()
    expect(page.locator("h1")).to_have_text(episode["title"])
    visit.drawn()
    assert focus_of(page) == f"{alike[2]} face"  # where one was
    page.get_by_role("link", name=episode["creator_name"]).first.click()
    expect(page.locator("h1")).to_have_text(f"Results for “{episode['creator_name']}”")
    visit.drawn()
    page.get_by_role("link", name=re.compile("remove this filter")).click()
    visit.drawn()
    assert "creator=" not in page.url


def test_the_next_episode_starts_by_itself_unless_it_is_cancelled(visit: Visit, served: Any) -> None:
    episode, following = series(served)
    page = visit.open(f"/?viewer=new-{uuid4().hex[:6]}&watch={episode['video_id']}")
    expect(page.locator("#play")).to_have_text("▶ Play")  # an address that is opened plays nothing
    page.locator("#seek").focus()
    page.keyboard.press("End")
    expect(page.locator(".next h3").first).to_have_text(following["title"])
    assert page.locator(".next .reason").first.inner_text() == "Next in series"
    expect(page.locator("#counting")).to_contain_text("Starts in")
    expect(page.locator("#said")).to_contain_text("Cancel with Escape")
    page.locator("#cancel").click()
    expect(page.locator("#counting")).to_have_text("Nothing plays by itself now.")
    expect(page.locator("#play-next")).to_be_focused()
    assert f"watch={episode['video_id']}" in page.url
    page.locator("#play").click()  # again
    page.locator("#end").click()
    expect(page.locator("h1")).to_have_text(following["title"], timeout=15_000)  # nobody cancelled
    expect(page.locator("#play")).to_contain_text("Pause")
    page.locator("#stop").click()
    expect(page.locator(".next h2")).to_have_text("Up next")
    assert page.locator("#cancel").is_hidden()  # who stops is not taken further
    page.locator("#autoplay").uncheck()
    page.locator("#end").click()
    expect(page.locator(".next h3").first).to_be_visible()
    assert page.locator("#cancel").is_hidden()


def test_a_newcomer_picks_titles_and_the_first_page_is_made_of_them(visit: Visit, served: Any) -> None:
    page = visit.open("/?viewer=newcomer&welcome=")
    assert headings(page) == ["What do you like?", "Titles", "Genres"]
    offers = page.locator(".offer input")
    assert offers.count() == 20
    page.locator("#begin").click()
    expect(page.locator("#picked")).to_have_text("Pick at least one title or genre, or skip this.")
    expect(offers.first).to_be_focused()
    page.keyboard.press("Space")
    offers.nth(3).check()
    page.get_by_role("checkbox", name=served.get("browse")["categories"][1]).last.check()
    expect(page.locator("#picked")).to_have_text("2 titles and 1 genre")
    picked = [offers.nth(at).get_attribute("value") for at in (0, 3)]
    page.locator("#begin").focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("For newcomer")
    visit.drawn()
    expect(page.locator("#toast-text")).to_contain_text("2 titles and 1 genre")
    known = served.get("viewers/newcomer")
    assert {one["video_id"] for one in known["history"]} == set(picked)
    page.wait_for_selector(".row h2")
    assert not {one.get_attribute("data-video") for one in page.locator(".card").all()} & set(picked)


def test_somebody_new_and_what_is_not_there(visit: Visit, served: Any) -> None:
    page = visit.whole(f"/?viewer={served.viewer}")
    page.locator("#more").click()
    expect(page.locator(".row.grid .card")).not_to_have_count(0)
    page.locator("#somebody-new").click()
    expect(page.locator("h1")).to_have_text("What do you like?")
    page.get_by_role("link", name="Skip this").click()
    expect(page.locator("#lead")).to_contain_text("Nobody has met this viewer yet")
    assert "viewer=new-" in page.url
    page.go_back()
    page.go_back()
    expect(page.locator("h1")).to_have_text(f"For {served.viewer}")
    assert visit.complaints == []
    for address, title in (("video=none", "There is no such video"), ("browse=none", "There is no such category")):
        visit.open(f"/?viewer={served.viewer}&{address}")
        expect(page.locator("[role='alert'] h2")).to_have_text(title)
        assert page.locator("[role='alert'] a").all_inner_texts() == ["Go home"]
    visit.complaints.clear()  # Chromium names each 404


def test_on_a_narrow_screen_nothing_stands_beyond_its_edge(visit: Visit, served: Any) -> None:
    episode, _ = series(served)
    page = visit.page
    page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    for view in ("", "&browse=", "&list=new", "&q=a", f"&video={episode['video_id']}", f"&watch={episode['video_id']}"):
        visit.open(f"/?viewer={served.viewer}{view}")
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0], view
