"""The illustration suite: a year of flights from New York, the weather there, and days of delay.

flight   FlightYearly < FlightMonthly < FlightDaily < FlightHourly <- raw flights
weather                                 WeatherDaily < WeatherHourly <- raw weather
delay                                   DelayDaily, after the same day of flight and weather

Beside them, Shell runs commands as free runs: ./launch.py freerun add Shell::name --trigger ...
"""

from constants import (
    PROCESS_DELAY_DAILY,
    PROCESS_FLIGHT_DAILY,
    PROCESS_FLIGHT_HOURLY,
    PROCESS_FLIGHT_MONTHLY,
    PROCESS_FLIGHT_YEARLY,
    PROCESS_SHELL,
    PROCESS_WEATHER_DAILY,
    PROCESS_WEATHER_HOURLY,
    TOKEN_DELAY,
    TOKEN_FLIGHT,
    TOKEN_SHELL,
    TOKEN_WEATHER,
    TREE_DELAY,
    TREE_FLIGHT,
    TREE_WEATHER,
)
from synergy.conf.entries import (
    BLOCKING_CHILDREN,
    BLOCKING_DEPENDENCIES,
    QUALIFIER_DAILY,
    QUALIFIER_HOURLY,
    QUALIFIER_MONTHLY,
    QUALIFIER_YEARLY,
    freerun_context_entry,
    managed_context_entry,
    timetable_tree_entry,
)

ANY_BOX = ['.*']
START, END = '2013010100', '2014010105'

process_context = {
    PROCESS_FLIGHT_HOURLY: managed_context_entry(
        process_name=PROCESS_FLIGHT_HOURLY,
        classname='workers.flight_hourly.FlightHourly',
        token=TOKEN_FLIGHT,
        time_qualifier=QUALIFIER_HOURLY,
        present_on_boxes=ANY_BOX,
        source='flight_raw',
        sink='flight_hourly',
        # Hours do not need each other, so several may wait in the queue at the same time.
        max_running=8,
    ),
    PROCESS_FLIGHT_DAILY: managed_context_entry(
        process_name=PROCESS_FLIGHT_DAILY,
        classname='workers.flight_rollup.FlightRollup',
        token=TOKEN_FLIGHT,
        time_qualifier=QUALIFIER_DAILY,
        present_on_boxes=ANY_BOX,
        blocking_type=BLOCKING_CHILDREN,
        source='flight_hourly',
        sink='flight_daily',
    ),
    PROCESS_FLIGHT_MONTHLY: managed_context_entry(
        process_name=PROCESS_FLIGHT_MONTHLY,
        classname='workers.flight_rollup.FlightRollup',
        token=TOKEN_FLIGHT,
        time_qualifier=QUALIFIER_MONTHLY,
        present_on_boxes=ANY_BOX,
        blocking_type=BLOCKING_CHILDREN,
        source='flight_daily',
        sink='flight_monthly',
    ),
    PROCESS_FLIGHT_YEARLY: managed_context_entry(
        process_name=PROCESS_FLIGHT_YEARLY,
        classname='workers.flight_rollup.FlightRollup',
        token=TOKEN_FLIGHT,
        time_qualifier=QUALIFIER_YEARLY,
        present_on_boxes=ANY_BOX,
        blocking_type=BLOCKING_CHILDREN,
        source='flight_monthly',
        sink='flight_yearly',
    ),
    PROCESS_WEATHER_HOURLY: managed_context_entry(
        process_name=PROCESS_WEATHER_HOURLY,
        classname='workers.weather_hourly.WeatherHourly',
        token=TOKEN_WEATHER,
        time_qualifier=QUALIFIER_HOURLY,
        present_on_boxes=ANY_BOX,
        source='weather_raw',
        sink='weather_hourly',
        max_running=8,
    ),
    PROCESS_WEATHER_DAILY: managed_context_entry(
        process_name=PROCESS_WEATHER_DAILY,
        classname='workers.weather_daily.WeatherDaily',
        token=TOKEN_WEATHER,
        time_qualifier=QUALIFIER_DAILY,
        present_on_boxes=ANY_BOX,
        blocking_type=BLOCKING_CHILDREN,
        source='weather_hourly',
        sink='weather_daily',
    ),
    PROCESS_DELAY_DAILY: managed_context_entry(
        process_name=PROCESS_DELAY_DAILY,
        classname='workers.delay_daily.flag_delays',
        token=TOKEN_DELAY,
        time_qualifier=QUALIFIER_DAILY,
        present_on_boxes=ANY_BOX,
        blocking_type=BLOCKING_DEPENDENCIES,
        source='flight_daily',
        sink='delay_daily',
    ),
    f'{PROCESS_SHELL}::disk_room': freerun_context_entry(
        process_name=PROCESS_SHELL,
        entry_name='disk_room',
        classname='synergy.workers.shell.ShellWorker',
        token=TOKEN_SHELL,
        trigger_frequency='at 03:00',
        present_on_boxes=ANY_BOX,
        arguments={'command': ['df', '-h', '.']},
        description='how much room is left where the data lie',
    ),
}

timetable_context = {
    TREE_FLIGHT: timetable_tree_entry(
        tree_name=TREE_FLIGHT,
        enclosed_processes=[
            PROCESS_FLIGHT_YEARLY,
            PROCESS_FLIGHT_MONTHLY,
            PROCESS_FLIGHT_DAILY,
            PROCESS_FLIGHT_HOURLY,
        ],
        start_timeperiod=START,
        end_timeperiod=END,
        mx_name='Flights',
        mx_page='flights',
    ),
    TREE_WEATHER: timetable_tree_entry(
        tree_name=TREE_WEATHER,
        enclosed_processes=[PROCESS_WEATHER_DAILY, PROCESS_WEATHER_HOURLY],
        start_timeperiod=START,
        end_timeperiod=END,
        mx_name='Weather',
        mx_page='flights',
    ),
    TREE_DELAY: timetable_tree_entry(
        tree_name=TREE_DELAY,
        enclosed_processes=[PROCESS_DELAY_DAILY],
        dependent_on=[TREE_FLIGHT, TREE_WEATHER],
        start_timeperiod=START,
        end_timeperiod=END,
        mx_name='Delays',
        mx_page='flights',
    ),
}
