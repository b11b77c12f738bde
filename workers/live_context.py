"""The live pipeline, beside the historic one: every machine, level and input on rows of today.

live        LiveYearly < LiveMonthly < LiveDaily < LiveHourly <- flight_live <- LiveFeed, a daemon
            LiveWeekly < LiveDaily
live_board  LiveQuarter of 15 minutes <- flight_live
live_trend  LiveTrend of working days <- LiveHourly, LiveDaily, LiveQuarter, itself

Days are those of New York, where the flights depart.

`./launch.py demo --live` runs it; so does `SYNERGY_CONTEXT_MODULE=workers.live_context
./launch.py up`. LIVE_SPEED in the environment is the speed factor.
"""

from constants import (
    PROCESS_LIVE_DAILY,
    PROCESS_LIVE_FEED,
    PROCESS_LIVE_HOURLY,
    PROCESS_LIVE_MONTHLY,
    PROCESS_LIVE_QUARTER,
    PROCESS_LIVE_TREND,
    PROCESS_LIVE_WEEKLY,
    PROCESS_LIVE_YEARLY,
    TOKEN_LIVE,
    TOKEN_LIVE_FEED,
    TOKEN_LIVE_TREND,
    TREE_LIVE,
    TREE_LIVE_BOARD,
    TREE_LIVE_TREND,
)
from db.live import ZONE, board_start_timeperiod, start_timeperiod
from synergy.conf.entries import (
    BLOCKING_CHILDREN,
    QUALIFIER_DAILY,
    QUALIFIER_HOURLY,
    QUALIFIER_MINUTELY_15,
    QUALIFIER_MONTHLY,
    QUALIFIER_WEEKLY,
    QUALIFIER_YEARLY,
    STATE_MACHINE_CONTINUOUS,
    STATE_MACHINE_DISCRETE,
    STATE_MACHINE_RECOMPUTING,
    daemon_context_entry,
    managed_context_entry,
    previous,
    timetable_tree_entry,
    wait_for,
    weekdays,
)

ANY_BOX = ['.*']
WORKDAYS = 'workdays'

calendar_context = {WORKDAYS: weekdays('Mon-Fri')}

process_context = {
    PROCESS_LIVE_FEED: daemon_context_entry(
        process_name=PROCESS_LIVE_FEED,
        classname='workers.live_feed.LiveFeed.start',
        token=TOKEN_LIVE_FEED,
        present_on_boxes=ANY_BOX,
    ),
    PROCESS_LIVE_HOURLY: managed_context_entry(
        process_name=PROCESS_LIVE_HOURLY,
        classname='workers.flight_live.FlightLive',
        token=TOKEN_LIVE,
        time_qualifier=QUALIFIER_HOURLY,
        trigger_frequency='every 5',
        state_machine_name=STATE_MACHINE_RECOMPUTING,
        data_source='db.live_source.LiveSource',
        present_on_boxes=ANY_BOX,
        source='flight_live',
        sink='live_hourly',
        # Past the end of an hour, so that the feed, which looks every second, has passed it too.
        lag_minutes=0.05,
        # Should it be late, the final run waits for it by failing.
        max_attempts=10,
        retry_delay=2,
        max_running=8,
    ),
    PROCESS_LIVE_DAILY: managed_context_entry(
        process_name=PROCESS_LIVE_DAILY,
        classname='workers.flight_rollup.FlightRollup',
        token=TOKEN_LIVE,
        time_qualifier=QUALIFIER_DAILY,
        trigger_frequency='every 5',
        state_machine_name=STATE_MACHINE_CONTINUOUS,
        present_on_boxes=ANY_BOX,
        source='live_hourly',
        sink='live_daily',
        lag_minutes=0,
        max_running=2,
    ),
    PROCESS_LIVE_MONTHLY: managed_context_entry(
        process_name=PROCESS_LIVE_MONTHLY,
        classname='workers.flight_rollup.FlightRollup',
        token=TOKEN_LIVE,
        time_qualifier=QUALIFIER_MONTHLY,
        trigger_frequency='every 5',
        state_machine_name=STATE_MACHINE_DISCRETE,
        blocking_type=BLOCKING_CHILDREN,
        present_on_boxes=ANY_BOX,
        source='live_daily',
        sink='live_monthly',
        lag_minutes=0,
    ),
    PROCESS_LIVE_WEEKLY: managed_context_entry(
        process_name=PROCESS_LIVE_WEEKLY,
        classname='workers.flight_rollup.FlightRollup',
        token=TOKEN_LIVE,
        time_qualifier=QUALIFIER_WEEKLY,
        blocking_type=BLOCKING_CHILDREN,
        present_on_boxes=ANY_BOX,
        source='live_daily',
        sink='live_weekly',
        lag_minutes=0,
    ),
    PROCESS_LIVE_YEARLY: managed_context_entry(
        process_name=PROCESS_LIVE_YEARLY,
        classname='workers.flight_rollup.FlightRollup',
        token=TOKEN_LIVE,
        time_qualifier=QUALIFIER_YEARLY,
        blocking_type=BLOCKING_CHILDREN,
        present_on_boxes=ANY_BOX,
        source='live_monthly',
        sink='live_yearly',
        lag_minutes=0,
    ),
    PROCESS_LIVE_QUARTER: managed_context_entry(
        process_name=PROCESS_LIVE_QUARTER,
        classname='workers.flight_quarter.FlightQuarter',
        token=TOKEN_LIVE,
        time_qualifier=QUALIFIER_MINUTELY_15,
        present_on_boxes=ANY_BOX,
        source='flight_live',
        sink='live_quarter',
        # As for hours.
        lag_minutes=0.05,
        max_attempts=10,
        retry_delay=2,
        max_running=8,
    ),
    PROCESS_LIVE_TREND: managed_context_entry(
        process_name=PROCESS_LIVE_TREND,
        classname='workers.live_trend.follow',
        token=TOKEN_LIVE_TREND,
        time_qualifier=QUALIFIER_DAILY,
        calendar=WORKDAYS,
        present_on_boxes=ANY_BOX,
        source='live_daily',
        sink='live_trend',
        lag_minutes=0,
        inputs=[
            # The working day before: of a Monday that is Friday.
            previous(),
            # Five working days are a week: seven days that end with this weekday of last week.
            wait_for(PROCESS_LIVE_DAILY, offset=-5, last=7),
            # The whole day, or what there is of it half an hour after midnight.
            wait_for(PROCESS_LIVE_HOURLY, at_least=22, give_up_after_minutes=30),
            # A trend never comes before the board shows the same; it is not made of it.
            wait_for(PROCESS_LIVE_QUARTER, order_only=True),
        ],
    ),
}

timetable_context = {
    TREE_LIVE: timetable_tree_entry(
        tree_name=TREE_LIVE,
        enclosed_processes=[
            PROCESS_LIVE_YEARLY,
            PROCESS_LIVE_MONTHLY,
            PROCESS_LIVE_WEEKLY,
            PROCESS_LIVE_DAILY,
            PROCESS_LIVE_HOURLY,
        ],
        start_timeperiod=start_timeperiod(),
        time_zone=ZONE,
        mx_name='Live flights',
        mx_page='flights',
    ),
    TREE_LIVE_BOARD: timetable_tree_entry(
        tree_name=TREE_LIVE_BOARD,
        enclosed_processes=[PROCESS_LIVE_QUARTER],
        start_timeperiod=board_start_timeperiod(),
        time_zone=ZONE,
        mx_name='Board',
        mx_page='flights',
    ),
    TREE_LIVE_TREND: timetable_tree_entry(
        tree_name=TREE_LIVE_TREND,
        enclosed_processes=[PROCESS_LIVE_TREND],
        start_timeperiod=start_timeperiod(),
        time_zone=ZONE,
        mx_name='Trend',
        mx_page='flights',
    ),
}
