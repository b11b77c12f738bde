"""Names of this project's processes and trees, so that a typing error is found by tools."""

PROCESS_FLIGHT_HOURLY = 'FlightHourly'
PROCESS_FLIGHT_DAILY = 'FlightDaily'
PROCESS_FLIGHT_MONTHLY = 'FlightMonthly'
PROCESS_FLIGHT_YEARLY = 'FlightYearly'
PROCESS_WEATHER_HOURLY = 'WeatherHourly'
PROCESS_WEATHER_DAILY = 'WeatherDaily'
PROCESS_DELAY_DAILY = 'DelayDaily'
PROCESS_SHELL = 'Shell'

TOKEN_FLIGHT = 'flight'
TOKEN_WEATHER = 'weather'
TOKEN_DELAY = 'delay'
TOKEN_SHELL = 'shell'

TREE_FLIGHT = 'flight'
TREE_WEATHER = 'weather'
TREE_DELAY = 'delay'
