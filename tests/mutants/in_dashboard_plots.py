"""Bugs of the plots, the overview, load ahead and the schedulers of the dashboard."""

from typing import Final

from .planted import Planted, tests_in

_CHARTS: Final = "dashboard/test_charts"
_FIGURES: Final = "dashboard/test_figures"
_PAGES: Final = "dashboard/test_overview"
_ACTIONS: Final = "dashboard/test_whole_actions"

ALL: Final = (
    Planted(
        "bars stand before each other",
        "dashboard/charts/bars.py",
        "            below += value\n",
        "",
        tests_in(_CHARTS, "test_bars_stand_upon_each_other"),
    ),
    Planted(
        "what is infinite breaks a plot",
        "dashboard/charts/scale.py",
        "min(max(value, 0.0), _GREATEST)",
        "max(value, 0.0)",
        tests_in(_CHARTS, "test_ticks_go_in_steps_of_1_2_or_5", "test_strange_numbers_are_drawn_as_bars"),
    ),
    Planted(
        "words of a plot are not quoted",
        "dashboard/charts/drawing.py",
        '{key}="{escape(value)}"',
        '{key}="{value}"',
        tests_in(_CHARTS, "test_bars_lead_to_where_they_are_told_and_quote_it"),
    ),
    Planted(
        "a line goes on over a gap",
        "dashboard/charts/lines.py",
        "follows = index > 0 and heights[index - 1] is not None",
        "follows = index > 0",
        tests_in(_CHARTS, "test_lines_are_steps_on_a_scale_of_powers_of_ten"),
    ),
    Planted(
        "a herd is taken for the load around it",
        "dashboard/figures/ahead.py",
        "min(_NEIGHBOURS, index, len(counts) - 1 - index)",
        "0",
        tests_in(_FIGURES, "test_a_herd_is_not_taken_for_the_load_around_it"),
    ),
    Planted(
        "a part of a bucket counts as all of it",
        "dashboard/figures/ahead.py",
        "part * ahead.further(bucket)",
        "ahead.further(bucket)",
        tests_in(_FIGURES, "test_a_day_that_begins_within_a_bucket_takes_its_part"),
    ),
    Planted(
        "late tasks are estimated a second time",
        "dashboard/figures/ahead.py",
        "        late = self.forecast.late if bucket == 0 else 0\n",
        "        late = 0\n",
        tests_in(_FIGURES, "test_what_is_counted_and_what_is_estimated_add_up"),
    ),
    Planted(
        "a scheduler of a queue alone is taken for one of the namespace",
        "dashboard/figures/demand.py",
        "[card for card in cards if card.executing]",
        "list(cards)",
        tests_in(_FIGURES, "test_nobody_is_alive_only_if_that_is_known_and_tasks_are_due"),
    ),
    Planted(
        "lost data is not told of servers that are not well",
        "dashboard/figures/banners.py",
        "() if health is None else",
        "() if not health else",
        tests_in(_FIGURES, "test_banners_come_with_the_worst_first"),
    ),
    Planted(
        "an offline partition breaks load ahead",
        "dashboard/pages/ahead.py",
        "    except PartitionOffline:  # the counts",
        "    except ZeroDivisionError:  # the counts",
        tests_in(_PAGES, "test_a_partition_that_is_offline_hides_nothing_of_the_others"),
    ),
    Planted(
        "lost data that was acknowledged is still told",
        "dashboard/actions/whole.py",
        "        look.kept.the(HealthOfServers).forget()  #",
        "        pass  #",
        tests_in(_ACTIONS, "test_lost_data_is_told_until_it_is_acknowledged"),
    ),
    Planted(
        "whoever may read may pause",
        "dashboard/actions/whole.py",
        'Action("pause-all", "operate", _pause)',
        'Action("pause-all", "read", _pause)',
        tests_in(_ACTIONS, "test_who_may_only_read_is_shown_no_button_and_refused"),
    ),
    Planted(
        "the run of a queue leads to a task of the namespace",
        "dashboard/pages/schedulers.py",
        'look.url("task", queue=run.queue, id=run.id)',
        'look.url("task", id=run.id)',
        tests_in(_PAGES, "test_the_cards_of_schedulers"),
    ),
)
