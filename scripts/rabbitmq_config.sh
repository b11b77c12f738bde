#!/usr/bin/env bash
# Prepare RabbitMQ: user and virtual host on the server, then exchanges and queues of the context.
#
#   scripts/rabbitmq_config.sh USER PASSWORD [VIRTUAL_HOST]     VIRTUAL_HOST: / unless given
#   environment: RABBITMQ_ADDRESS=host:port, 127.0.0.1:5672 unless set
#
# The first part needs rabbitmqctl, so it runs on a node of RabbitMQ; it is left out elsewhere.
set -euo pipefail
if [ $# -lt 2 ]; then
    sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
user="$1" password="$2" vhost="${3:-/}"
launch="$(dirname "$0")/../launch.py"
if command -v rabbitmqctl > /dev/null; then
    rabbitmqctl list_vhosts --quiet | grep -qxF "$vhost" || rabbitmqctl add_vhost "$vhost"
    if rabbitmqctl list_users --quiet | cut -f 1 | grep -qxF "$user"; then
        rabbitmqctl change_password "$user" "$password"
    else
        rabbitmqctl add_user "$user" "$password"
    fi
    rabbitmqctl set_permissions -p "$vhost" "$user" '.*' '.*' '.*'
else
    echo "rabbitmqctl is not here: user $user and virtual host $vhost must exist already" >&2
fi
quoted() { python3 -c 'import sys, urllib.parse; print(urllib.parse.quote(sys.argv[1], safe=""))' "$1"; }
export SYNERGY_BROKER_URI="amqp://$(quoted "$user"):$(quoted "$password")@${RABBITMQ_ADDRESS:-127.0.0.1:5672}/$(quoted "$vhost")"
"$launch" mq declare
echo "now set broker_uri in settings.py, or: export SYNERGY_BROKER_URI='amqp://$(quoted "$user"):PASSWORD@${RABBITMQ_ADDRESS:-127.0.0.1:5672}/$(quoted "$vhost")'"
