#!/bin/bash
# Turns a fresh Amazon Linux 2023 or 2 into one server of the fleet. Runs as root at first boot and
# may be run again. CloudFormation fills in the names in ${Braces}; every other expansion here has
# none, or CloudFormation would take it for one of its own. Lines that only hold a comment do not
# travel.
set -Eeuo pipefail
umask 077

region='${AWS::Region}'
stack='${AWS::StackName}'
registry='${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}'
image="$registry"'/${EcrRepositoryName}${ImageReference}'
weights='${WeightsLocation}'
tls_secret='${TlsSecretArn}'
token_secret='${TokenSecretArn}'
log_group='${LogGroupName}'
state=/etc/llm-service
data=/var/lib/llm-service
log=/var/log/llm-service-user-data.log
instance=unknown
export AWS_DEFAULT_REGION="$region" AWS_DEFAULT_OUTPUT=text AWS_RETRY_MODE=standard AWS_MAX_ATTEMPTS=8

mkdir -p "$state" "$data/models"
exec > >(tee -a "$log") 2>&1

say() { echo "$(date -u +%FT%TZ) $*"; }

retry() {
  local try
  for try in 1 2 3 4 5 6; do
    "$@" && return 0
    say "try $try of 6 failed: $1 $2"
    sleep "$((try * 5))"
  done
  return 1
}

# The address answers only in EC2. An empty answer is fatal: it would become somebody's identity.
metadata() {
  local answer token
  token=$(curl -fsS -m 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 300' http://169.254.169.254/latest/api/token) || return 1
  answer=$(curl -fsS -m 5 -H "X-aws-ec2-metadata-token: $token" "http://169.254.169.254/latest/meta-data/$1") || return 1
  [ -n "$answer" ] || return 1
  echo "$answer"
}

# CloudWatch Logs takes a megabyte and refuses empty messages.
ship_log() {
  local events=/run/llm-service-events.json now
  now=$(($(date +%s) * 1000))
  sleep 1
  {
    printf '['
    tail -c 200000 "$log" | LC_ALL=C tr -cd '\12\40-\176' | sed -e '/^$/d' -e 's/[\\"]/\\&/g' -e "s/.*/{\"timestamp\":$now,\"message\":\"&\"}/" | tail -n 2000 | paste -sd, -
    printf ']'
  } >"$events"
  aws logs create-log-stream --log-group-name "$log_group" --log-stream-name "user-data/$instance" 2>/dev/null || true
  aws logs put-log-events --log-group-name "$log_group" --log-stream-name "user-data/$instance" --log-events "file://$events" >/dev/null || true
}

# CloudFormation shows a signal's id in its events: the first one carries the line, and the second
# one the id that it counts by.
fail() {
  local status=$1 line=$2 command=$3 id
  trap - ERR
  say "FAILED with $status in line $line: $command"
  for id in "$instance line $line: $command" "$instance"; do
    aws cloudformation signal-resource --stack-name "$stack" --logical-resource-id '${SignalLogicalId}' --unique-id "$(echo "$id" | head -n 1 | cut -c 1-64)" --status FAILURE || true
  done
  aws autoscaling set-instance-health --instance-id "$instance" --health-status Unhealthy --no-should-respect-grace-period || true
  ship_log
  exit "$status"
}
trap 'fail "$?" "$LINENO" "$BASH_COMMAND"' ERR

say "setting up $image"
instance=$(retry metadata instance-id)

# Small types have no room for the peak of loading: pages that are written once go to disk.
add_swap() {
  local kib
  kib=$(awk '/^MemTotal:/ {print $2}' /proc/meminfo)
  if [ "$kib" -lt 4000000 ] && ! swapon --show=NAME --noheadings | grep -qx /swapfile; then
    [ -s /swapfile ] || dd if=/dev/zero of=/swapfile bs=1M count=2048 status=none
    chmod 600 /swapfile
    mkswap /swapfile >/dev/null
    swapon /swapfile
    grep -q '^/swapfile ' /etc/fstab || echo '/swapfile none swap sw 0 0' >>/etc/fstab
  fi
}
add_swap

install_docker() {
  # The GPU image brings Docker, and an agent of ECS that this fleet has no use for.
  systemctl disable --now ecs 2>/dev/null || true
  if ! command -v docker >/dev/null; then
    if command -v dnf >/dev/null; then
      retry dnf install -y -q docker
    else
      retry amazon-linux-extras install -y docker
    fi
  fi
  systemctl enable docker
  systemctl start docker
}
install_docker

log_in() { aws ecr get-login-password --region "$region" | docker login --username AWS --password-stdin "$registry"; }
retry log_in
retry docker pull -q "$image"

# Weights from a bucket: only what differs is copied.
model='${ModelName}'
if [ -n "$weights" ]; then
  retry aws s3 sync --only-show-errors "$weights" "$data/models/weights"
  model=/models/weights
fi
chown -R 10001:10001 "$data"

# What a container may take leaves the system enough to stay reachable; beyond it the server swaps.
memory=$(($(awk '/^MemTotal:/ {print $2}' /proc/meminfo) / 1024 - 192))m
uptime_seconds=$(cut -d. -f1 /proc/uptime)
signal_seconds=$((${StartupSeconds} - 90 - uptime_seconds))
if [ "$signal_seconds" -lt 60 ]; then signal_seconds=60; fi

cat >"$state/server.env" <<EOF
MODEL_NAME=$model
HOST=0.0.0.0
PORT=${Port}
DRAIN_SECONDS=${DrainSeconds}
STACK_NAME=$stack
METRICS_NAMESPACE=${MetricsNamespace}
HF_HOME=/models/hub
EOF
if [ -n "$tls_secret" ]; then
  cat >>"$state/server.env" <<'EOF'
TLS_CERTIFICATE_FILE=/run/secrets/certificate.pem
TLS_PRIVATE_KEY_FILE=/run/secrets/private-key.pem
EOF
fi
if [ -n "$token_secret" ]; then echo 'TOKENS_FILE=/run/secrets/tokens' >>"$state/server.env"; fi
cat >>"$state/server.env" <<'EOF'
${Environment}
EOF

cat >"$state/agent.env" <<EOF
CLOUD_MAP_SERVICE_ID=${ServiceId}
STACK_NAME=$stack
SIGNAL_LOGICAL_ID=${SignalLogicalId}
LIFECYCLE_HOOK_NAME=${HookName}
SERVER_ADDRESS=127.0.0.1:${Port}
SERVER_CONTAINER_NAME=llm-service
SIGNAL_DEADLINE_SECONDS=$signal_seconds
RECORD_TTL_SECONDS=${RecordTtlSeconds}
DRAIN_SECONDS=${DrainSeconds}
METRICS_NAMESPACE=${MetricsNamespace}
AWS_REGION=$region
EOF

# Secrets stay in memory, and every start of the server reads them anew.
cat >/usr/local/bin/llm-service-secrets <<EOF
#!/bin/bash
set -euo pipefail
umask 077
export AWS_DEFAULT_REGION="$region"
secret() { aws secretsmanager get-secret-value --secret-id "\$1" --query SecretString --output text; }
mkdir -p /run/llm-service
if [ -n "$token_secret" ]; then secret "$token_secret" >/run/llm-service/tokens; fi
if [ -n "$tls_secret" ]; then
  secret "$tls_secret" >/run/llm-service/tls.json
  docker run --rm --network none --user 0 --entrypoint python -v /run/llm-service:/out "$image" -c '
import json, pathlib
folder = pathlib.Path("/out")
for name, text in json.loads((folder / "tls.json").read_text()).items():
    if name in ("certificate", "private-key", "client-ca"):
        (folder / (name + ".pem")).write_text(text)
'
  rm /run/llm-service/tls.json
fi
chown -R 10001:10001 /run/llm-service
EOF
chmod 700 /usr/local/bin/llm-service-secrets

# Both containers log to CloudWatch by Docker itself; no further agent takes memory.
hardening='--read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges'
logging="--log-driver awslogs --log-opt awslogs-region=$region --log-opt awslogs-group=$log_group --log-opt mode=non-blocking"
docker=$(command -v docker)
socket_group=$(stat -c %g /var/run/docker.sock)

# StartLimit* stand under Service, where the systemd of Amazon Linux 2 looks for them.
cat >/etc/systemd/system/llm-service.service <<EOF
[Unit]
Description=LLM service, gRPC on port ${Port}
Requires=docker.service
After=docker.service network-online.target
OnFailure=llm-service-failed.service

[Service]
StartLimitInterval=900
StartLimitBurst=5
Restart=always
RestartSec=5
TimeoutStartSec=120
TimeoutStopSec=$((${DrainSeconds} + 30))
ExecStartPre=/usr/local/bin/llm-service-secrets
ExecStartPre=-$docker rm -f llm-service
ExecStart=$docker run --name llm-service --init -p ${Port}:${Port} --env-file $state/server.env $hardening --pids-limit 1024 --memory $memory --memory-swap -1 -v $data/models:/models -v /run/llm-service:/run/secrets:ro $logging --log-opt awslogs-stream=server/$instance ${Gpus} $image
ExecStop=$docker stop -t ${DrainSeconds} llm-service

[Install]
WantedBy=multi-user.target
EOF

# Not bound to the server's unit: the node agent outlives a crash of what it watches. It starts
# later, so at shutdown it stops first and takes the instance out of discovery.
cat >/etc/systemd/system/llm-node-agent.service <<EOF
[Unit]
Description=Node agent of the LLM service
Requires=docker.service
After=docker.service llm-service.service
OnFailure=llm-service-failed.service

[Service]
StartLimitInterval=900
StartLimitBurst=10
Restart=always
RestartSec=5
TimeoutStopSec=$((${DrainSeconds} + 60))
ExecStartPre=-$docker rm -f llm-node-agent
ExecStart=$docker run --name llm-node-agent --network host --env-file $state/agent.env $hardening --pids-limit 64 --memory 128m --group-add $socket_group -v /var/run/docker.sock:/var/run/docker.sock $logging --log-opt awslogs-stream=agent/$instance --no-healthcheck $image python -m llm_service.node.main
ExecStop=$docker stop -t $((${DrainSeconds} + 30)) llm-node-agent

[Install]
WantedBy=multi-user.target
EOF

# What restarts did not cure, a new instance does.
cat >/etc/systemd/system/llm-service-failed.service <<EOF
[Unit]
Description=Have the Auto Scaling group replace this instance

[Service]
Type=oneshot
ExecStart=$(command -v aws) autoscaling set-instance-health --region $region --instance-id $instance --health-status Unhealthy --no-should-respect-grace-period
EOF

chmod 644 /etc/systemd/system/llm-*.service
systemctl daemon-reload
systemctl enable llm-service.service llm-node-agent.service
systemctl restart llm-service.service llm-node-agent.service
say 'set up'
ship_log
