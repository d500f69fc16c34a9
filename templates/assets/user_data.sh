#!/bin/bash
# Turns a fresh Amazon Linux 2023 or 2 into one server of the fleet. Runs as root at first boot and
# may be run again. It pulls the image, and the image brings the rest: host_setup.sh, beside the
# node agent whose units it writes. CloudFormation fills in ${Names}; every expansion of the shell's
# own has no braces, or CloudFormation would take it for one of these. Lines that only hold a
# comment do not travel. docs/infrastructure.md explains the whole.
set -Eeuo pipefail
export AWS_DEFAULT_REGION='${AWS::Region}' AWS_DEFAULT_OUTPUT=text AWS_RETRY_MODE=standard AWS_MAX_ATTEMPTS=8
stack='${AWS::StackName}'
group='${SignalLogicalId}'
log_group='${LogGroupName}'
registry='${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}'
image="$registry/"'${EcrRepositoryName}${ImageReference}'
model='${ModelName}'
weights='${WeightsLocation}'
instance=unknown
log=/var/log/llm-service/user-data.log
mkdir -p /etc/llm-service /var/log/llm-service /var/lib/llm-models
exec > >(tee -a "$log") 2>&1

retry() {
  local try=0
  until "$@"; do
    try=$((try + 1))
    if [ "$try" -ge 6 ]; then return 1; fi
    sleep "$((try * 5))"
  done
}

# An empty answer is fatal: it would become somebody's identity.
metadata() {
  local url=http://169.254.169.254/latest token answer
  token=$(curl -fsS -m 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 300' "$url/api/token") || return 1
  answer=$(curl -fsS -m 5 -H "X-aws-ec2-metadata-token: $token" "$url/meta-data/$1") || return 1
  [ -n "$answer" ] || return 1
  echo "$answer"
}

# Without an agent, which would take a tenth of a small type's memory for one file. CloudWatch Logs
# refuses empty messages and more than a megabyte.
ship_log() {
  local events=/run/llm-user-data.json now
  now=$(date +%s)
  sleep 1
  tail -c 200000 "$log" | LC_ALL=C tr -cd '\12\40-\176' | sed "/^\$/d; s/[\\\\\"]/\\\\&/g; s/.*/{\"timestamp\":$now""000,\"message\":\"&\"}/" | tail -n 2000 | paste -sd, - | sed 's/.*/[&]/' >"$events"
  aws logs create-log-stream --log-group-name "$log_group" --log-stream-name "user-data/$instance" 2>/dev/null || true
  aws logs put-log-events --log-group-name "$log_group" --log-stream-name "user-data/$instance" --log-events "file://$events" >/dev/null || true
}

# CloudFormation shows a signal's id in its events: the first carries the line, and the second is
# the one that it counts.
fail() {
  local status=$1 line=$2 command=$3 id
  # A failure in a subshell comes by again in the shell around it.
  if [ "$BASH_SUBSHELL" -gt 0 ]; then exit "$status"; fi
  trap - ERR
  echo "FAILED with $status in line $line: $command"
  for id in "$instance line $line: $command" "$instance"; do
    aws cloudformation signal-resource --stack-name "$stack" --logical-resource-id "$group" --unique-id "$(echo "$id" | head -n 1 | cut -c 1-64)" --status FAILURE || true
  done
  aws autoscaling set-instance-health --instance-id "$instance" --health-status Unhealthy --no-should-respect-grace-period || true
  ship_log
  exit "$status"
}
trap 'fail "$?" "$LINENO" "$BASH_COMMAND"' ERR

echo "setting up $image"
instance=$(retry metadata instance-id)

# Small types have no room for the peak while a model loads.
memory=$(awk '/^MemTotal:/ {print int($2 / 1024)}' /proc/meminfo)
if [ "$memory" -lt 4000 ] && ! grep -q '^/swapfile ' /proc/swaps; then
  dd if=/dev/zero of=/swapfile bs=1M count=2048 status=none
  chmod 600 /swapfile
  mkswap /swapfile >/dev/null
  swapon /swapfile
  grep -q '^/swapfile ' /etc/fstab || echo '/swapfile none swap sw 0 0' >>/etc/fstab
fi

# The GPU image brings Docker, and an ECS agent that this fleet has no use for.
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

log_in() { aws ecr get-login-password --region "$AWS_DEFAULT_REGION" | docker login --username AWS --password-stdin "$registry"; }
retry log_in
retry docker pull -q "$image"

if [ -n "$weights" ]; then
  retry aws s3 sync --only-show-errors "$weights" /var/lib/llm-models/weights
  model=/models/weights
fi

# What is left of the roll-out's time, and enough of it to report back.
deadline=$((${StartupSeconds} - 90 - $(cut -d. -f1 /proc/uptime)))
cat >/etc/llm-service/server.env <<EOF
MODEL_NAME=$model
PORT=${Port}
DRAIN_SECONDS=${DrainSeconds}
REFLECTION=false
LOG_FORMAT=json
STACK_NAME=$stack
METRICS_NAMESPACE=${MetricsNamespace}
EOF
cat >>/etc/llm-service/server.env <<'EOF'
${Environment}
EOF
cat >/etc/llm-service/agent.env <<EOF
CLOUD_MAP_SERVICE_ID=${ServiceId}
STACK_NAME=$stack
SIGNAL_LOGICAL_ID=$group
LIFECYCLE_HOOK_NAME=${HookName}
SERVER_ADDRESS=127.0.0.1:${Port}
SIGNAL_DEADLINE_SECONDS=$((deadline > 60 ? deadline : 60))
RECORD_TTL_SECONDS=${RecordTtlSeconds}
DRAIN_SECONDS=${DrainSeconds}
METRICS_NAMESPACE=${MetricsNamespace}
EOF
cat >/etc/llm-service/host.env <<EOF
image='$image'
instance='$instance'
log_group='$log_group'
memory_mib=$memory
port=${Port}
drain_seconds=${DrainSeconds}
gpu_flags='${Gpus}'
tls_secret='${TlsSecretArn}'
tls_name='${EndpointName}'
token_secret='${TokenSecretArn}'
EOF
docker run --rm --network none --entrypoint cat "$image" /app/llm_service/node/host_setup.sh >/etc/llm-service/host_setup.sh
# Sourced, so that the trap speaks of its lines too.
. /etc/llm-service/host_setup.sh
echo "set up $image"
ship_log
