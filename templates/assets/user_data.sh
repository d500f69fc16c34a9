#!/bin/bash
# Turns a fresh Amazon Linux 2023 or 2 into one server of the fleet. Runs as root at first boot and
# may be run again. It pulls the image, and the image brings the rest: host_setup.sh, beside the
# node agent whose units it writes. CloudFormation fills in ${Names}; every expansion of the shell's
# own has no braces, or CloudFormation would take it for one of these. Lines that only hold a
# comment do not travel. docs/infrastructure.md explains the whole.
set -Eeuo pipefail
registry='' repository='' stack='' group='' log_group='' weights=''
mkdir -p /etc/llm-service /var/log/llm-service /var/lib/llm-models
cat >/etc/llm-service/stack.env <<'EOF'
export AWS_DEFAULT_REGION='${AWS::Region}'
stack='${AWS::StackName}'
group='${SignalLogicalId}'
hook='${HookName}'
log_group='${LogGroupName}'
registry='${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}'
repository='${EcrRepositoryName}${ImageReference}'
model='${ModelName}'
weights='${WeightsLocation}'
gpu_flags='${Gpus}'
port='${Port}'
startup_seconds='${StartupSeconds}'
drain_seconds='${DrainSeconds}'
record_ttl_seconds='${RecordTtlSeconds}'
discovery_service='${ServiceId}'
endpoint='${EndpointName}'
metrics_namespace='${MetricsNamespace}'
tls_secret='${TlsSecretArn}'
token_secret='${TokenSecretArn}'
extra_environment='${ExtraEnvironment}'
EOF
. /etc/llm-service/stack.env
export AWS_DEFAULT_OUTPUT=text AWS_RETRY_MODE=standard AWS_MAX_ATTEMPTS=8
image="$registry/$repository"
instance=unknown
log=/var/log/llm-service/user-data.log
# tee makes it too, but perhaps only after the first that reads it.
touch "$log"
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

# One event, and no agent for it, which would take a tenth of a small type's memory.
ship_log() {
  local message
  sleep 1
  message=$(tail -c 50000 "$log" | LC_ALL=C tr -cd '\12\40-\176' | sed 's/[\\"]/\\&/g' | awk '{printf "%s\\n", $0}')
  aws logs create-log-stream --log-group-name "$log_group" --log-stream-name "user-data/$instance" || true
  aws logs put-log-events --log-group-name "$log_group" --log-stream-name "user-data/$instance" --log-events "[{\"timestamp\":$(date +%s)000,\"message\":\"$message\"}]" || true
}

# CloudFormation shows a signal's id in its events: the first carries the line, and the second is
# the one that it counts.
fail() {
  local status=$1 line=$2 command id
  # A failure in a subshell comes by again in the shell around it.
  if [ "$BASH_SUBSHELL" -gt 0 ]; then exit "$status"; fi
  trap - ERR
  command=$(echo "$3" | head -n 1)
  echo "FAILED with $status in line $line: $command"
  for id in "$instance line $line: $command" "$instance"; do
    aws cloudformation signal-resource --stack-name "$stack" --logical-resource-id "$group" --unique-id "$(echo "$id" | cut -c 1-64)" --status FAILURE || true
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

if [ -n "$weights" ]; then retry aws s3 sync --only-show-errors "$weights" /var/lib/llm-models/weights; fi
docker run --rm --network none --entrypoint cat "$image" /app/llm_service/node/host_setup.sh >/etc/llm-service/host_setup.sh
# Sourced, so that the trap speaks of its lines too.
. /etc/llm-service/host_setup.sh
echo "set up $image"
ship_log
