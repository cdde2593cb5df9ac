#!/bin/sh
# A sweep on a real SLURM: a controller and one node on this machine, two jobs, one of which gets
# the signal of a time limit, is queued again, and goes on. About a minute. As root:
#   apt-get install slurm-wlm munge
#   sh scripts/slurm_test.sh [python]
set -eu
python=$(readlink -f "$(dirname "${1:-$(command -v python)}")")/$(basename "${1:-python}")
folder=$(mktemp -d)
host=$(hostname -s)
export SLURM_CONF="$folder/slurm.conf" OMP_NUM_THREADS=1
cleanup() {
    scancel --state=pending,running -u root 2>/dev/null || true
    for daemon in slurmd slurmctld munged; do
        [ ! -f "$folder/$daemon.pid" ] || kill "$(cat "$folder/$daemon.pid")" 2>/dev/null || true
    done
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# A munge of its own, so that one that runs already is left alone.
dd if=/dev/urandom of="$folder/munge.key" bs=128 count=1 2>/dev/null
chmod 400 "$folder/munge.key"
munged --force --key-file="$folder/munge.key" --socket="$folder/munge.socket" \
    --pid-file="$folder/munged.pid" --log-file="$folder/munged.log" --seed-file="$folder/munge.seed"

cat > "$SLURM_CONF" <<EOF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=26817
SlurmdPort=26818
SlurmUser=root
AuthType=auth/munge
# A job that is queued again waits until its old credential has expired: 120 s by default.
AuthInfo=socket=$folder/munge.socket,cred_expire=5
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=test Nodes=ALL Default=YES State=UP
EOF
mkdir "$folder/state" "$folder/spool"
slurmctld
slurmd
until sinfo -h -o %T 2>/dev/null | grep -q idle; do sleep 0.5; done

cd "$folder"
"$python" -m bnrepro sweep experiment=fig1/with_bn scale=smoke steps=100,2000 \
    runtime.compile=off runtime.tensorboard=false runtime.checkpoint_seconds=0.5 \
    --slurm --partition test --hours 0.5 --cpus 1 > sweep.log 2>&1 &
sweep=$!
long=
until [ -n "$long" ] || ! kill -0 $sweep 2>/dev/null; do
    sleep 0.5
    for run in runs/fig1/with_bn/*/; do
        if [ -f "$run/checkpoint.pt" ] && grep -q "^ *steps: 2000" "$run/config.yaml"; then
            long=$run
        fi
    done
done
[ -n "$long" ] || { cat sweep.log; exit 1; }
job=$(squeue -h -r -t running -o %i | tail -n 1)
scancel --signal=USR2 "$job"
wait $sweep || { cat sweep.log runs/.sweep/jobs/*/*.err; exit 1; }
cat sweep.log
grep -q "2 of 2 done: 2 finished" sweep.log
grep "resumed at step" "$long/log.txt"
grep "Requeuing" slurmctld.log
rm -r runs
