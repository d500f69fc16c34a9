#!/bin/bash
# Writes and starts the systemd units of an instance: the model server, the node agent, and what
# the agent asks of the host. The stack's user data sources it out of the image that it has pulled,
# so that units and agent are always of one version. Run again, it makes the same.
#
# It runs as root on Amazon Linux 2023 and 2, under `set -Eeuo pipefail`. It reads what the stack says
# from stack.env, and $image, $instance and $memory (of the machine, in MiB) from the user data.
# docs/discovery.md says why each unit is so.
set -Eeuo pipefail

state=/etc/llm-service
# shellcheck disable=SC1091 # written by the user data
. "$state/stack.env"
: "${image:?}" "${instance:?}" "${memory:?}" "${AWS_DEFAULT_REGION:?}" "${stack:?}" "${group:?}"
: "${hook:?}" "${log_group:?}" "${model:?}" "${port:?}" "${startup_seconds:?}" "${endpoint:?}"
: "${drain_seconds:?}" "${record_ttl_seconds:?}" "${discovery_service:?}" "${metrics_namespace:?}"
: "${weights?}" "${gpu_flags?}" "${tls_secret?}" "${token_secret?}" "${extra_environment?}"
docker=$(command -v docker)
aws=$(command -v aws)
systemctl=$(command -v systemctl)
user=10001 # the image's

# An image that does not know the setting would serve everybody in silence.
if [ -n "$token_secret" ]; then
  docker run --rm --network none --entrypoint python "$image" -c '
from llm_service.config import Settings
assert "tokens_file" in Settings.model_fields, "this image checks no tokens"
'
fi

# The operator's own settings come last, so that they win.
{
  if [ -n "$weights" ]; then echo MODEL_NAME=/models/weights; else echo "MODEL_NAME=$model"; fi
  echo "PORT=$port"
  echo "DRAIN_SECONDS=$drain_seconds"
  echo REFLECTION=false
  echo LOG_FORMAT=json
  echo "STACK_NAME=$stack"
  echo "METRICS_NAMESPACE=$metrics_namespace"
  if [ -n "$tls_secret" ]; then
    echo TLS_CERTIFICATE_FILE=/run/secrets/certificate.pem
    echo TLS_KEY_FILE=/run/secrets/private-key.pem
  fi
  if [ -n "$token_secret" ]; then echo TOKENS_FILE=/run/secrets/tokens; fi
  echo "$extra_environment" | tr , '\n'
} >"$state/server.env"

# What is left of the roll-out's time, less what the signal takes.
deadline=$((startup_seconds - 90 - $(cut -d. -f1 /proc/uptime)))
{
  echo "CLOUD_MAP_SERVICE_ID=$discovery_service"
  echo "STACK_NAME=$stack"
  echo "SIGNAL_LOGICAL_ID=$group"
  echo "LIFECYCLE_HOOK_NAME=$hook"
  echo "SERVER_ADDRESS=127.0.0.1:$port"
  echo SERVER_LOG_FILE=/var/log/llm-service/server.log
  echo "SIGNAL_DEADLINE_SECONDS=$((deadline > 60 ? deadline : 60))"
  echo "RECORD_TTL_SECONDS=$record_ttl_seconds"
  echo "DRAIN_SECONDS=$drain_seconds"
  echo "METRICS_NAMESPACE=$metrics_namespace"
  if [ -n "$tls_secret" ]; then
    echo SERVER_TLS_CA_FILE=/run/llm-service/ca.pem
    echo "SERVER_TLS_NAME=$endpoint"
  fi
} >"$state/agent.env"

# /run is emptied by a reboot.
mkdir -p /var/log/llm-service /var/lib/llm-service /var/lib/llm-models
cat >/etc/tmpfiles.d/llm-service.conf <<EOF
d /run/llm-service 0755 $user $user
d /run/llm-service-secrets 0700 $user $user
EOF
systemd-tmpfiles --create llm-service.conf
chown -R "$user:$user" /var/lib/llm-service /var/lib/llm-models
cat >/etc/logrotate.d/llm-service <<'EOF'
/var/log/llm-service/*.log {
  size 20M
  rotate 1
  copytruncate
  missingok
}
EOF

# Secrets stay in memory, and every start of the server reads them anew. The image's Python reads
# the JSON, because Amazon Linux 2 has neither jq nor Python 3.
cat >/usr/local/bin/llm-service-secrets <<EOF
#!/bin/bash
set -euo pipefail
umask 077
cd /run/llm-service-secrets
secret() {
  $aws secretsmanager get-secret-value --region $AWS_DEFAULT_REGION --secret-id "\$1" \\
    --query SecretString --output text
}
if [ -n '$token_secret' ]; then secret '$token_secret' >tokens; fi
if [ -n '$tls_secret' ]; then
  secret '$tls_secret' | $docker run --rm -i --network none --user 0 \\
    -v /run/llm-service-secrets:/out --entrypoint python $image -c '
import json, pathlib, sys
for name, text in json.load(sys.stdin).items():
    if name in ("certificate", "private-key", "ca"):
        pathlib.Path("/out", name + ".pem").write_text(text)
'
  # The node agent checks the server's certificate against the authority, or against itself.
  if [ ! -s ca.pem ]; then cp certificate.pem ca.pem; fi
  install -m 444 ca.pem /run/llm-service/ca.pem
fi
chown -R $user:$user .
EOF
chmod 755 /usr/local/bin/llm-service-secrets

hardening='--read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges'
# Docker itself sends the logs; an agent would take a tenth of a small type's memory.
logging="--log-driver awslogs --log-opt awslogs-region=$AWS_DEFAULT_REGION \
--log-opt awslogs-group=$log_group --log-opt mode=non-blocking"
# Under [Service], where the systemd of Amazon Linux 2 looks for them; newer ones do so too.
restart='Restart=always
RestartSec=5
StartLimitInterval=600
StartLimitBurst=10'

# The container may take what leaves the system reachable; beyond it the server swaps. The system's
# own needs are about 190 MiB. The output goes to a file too, for the agent's last words.
cat >/etc/systemd/system/llm-service.service <<EOF
[Unit]
Description=LLM service: model server on port $port
Requires=docker.service
After=docker.service network-online.target
OnFailure=llm-service-failed.service

[Service]
$restart
TimeoutStartSec=120
TimeoutStopSec=$((drain_seconds + 30))
ExecStartPre=/usr/local/bin/llm-service-secrets
ExecStartPre=-$docker rm -f llm-service
ExecStart=/bin/sh -c 'exec $docker run --rm --name llm-service --init -p $port:$port \\
  --env-file $state/server.env $hardening --pids-limit 1024 \\
  --memory $((memory - 192))m --memory-swap -1 $gpu_flags \\
  -v /var/lib/llm-models:/models -v /run/llm-service-secrets:/run/secrets:ro \\
  $logging --log-opt awslogs-stream=server/$instance \\
  $image >>/var/log/llm-service/server.log 2>&1'
ExecStop=$docker stop --time $((drain_seconds + 15)) llm-service

[Install]
WantedBy=multi-user.target
EOF

# Not bound to the server's unit: the agent outlives a crash of what it watches. At shutdown it
# stops first, and takes the instance out of discovery.
cat >/etc/systemd/system/llm-node-agent.service <<EOF
[Unit]
Description=LLM service: node agent
Wants=llm-service.service
Requires=docker.service
After=docker.service llm-service.service
OnFailure=llm-service-failed.service

[Service]
$restart
TimeoutStopSec=75
ExecStartPre=-$docker rm -f llm-node-agent
ExecStart=$docker run --rm --name llm-node-agent --network host --no-healthcheck \\
  --env-file $state/agent.env $hardening --pids-limit 64 --memory 128m \\
  -v /run/llm-service:/run/llm-service -v /var/lib/llm-service:/var/lib/llm-service \\
  -v /var/log/llm-service:/var/log/llm-service:ro \\
  $logging --log-opt awslogs-stream=agent/$instance \\
  $image python -m llm_service.node.main
ExecStop=$docker stop --time 60 llm-node-agent

[Install]
WantedBy=multi-user.target
EOF

# The agent cannot reach Docker: it asks for a stop of the server by a file.
cat >/etc/systemd/system/llm-service-drain.path <<EOF
[Unit]
Description=LLM service: the node agent's request to stop the server

[Path]
PathExists=/run/llm-service/drain

[Install]
WantedBy=multi-user.target
EOF
cat >/etc/systemd/system/llm-service-drain.service <<EOF
[Unit]
Description=LLM service: stop the server for good

[Service]
Type=oneshot
TimeoutStartSec=$((drain_seconds + 60))
ExecStart=$systemctl stop llm-service.service
ExecStartPost=/bin/rm -f /run/llm-service/drain
EOF

# What ten restarts did not cure, a new instance does.
cat >/etc/systemd/system/llm-service-failed.service <<EOF
[Unit]
Description=LLM service: have the Auto Scaling group replace this instance

[Service]
Type=oneshot
ExecStart=$aws autoscaling set-instance-health --region $AWS_DEFAULT_REGION \\
  --instance-id $instance --health-status Unhealthy --no-should-respect-grace-period
EOF

systemctl daemon-reload
systemctl enable llm-service.service llm-node-agent.service llm-service-drain.path
systemctl restart llm-service-drain.path llm-service.service llm-node-agent.service
