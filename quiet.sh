. /dev/shm/adam/env.sh; cd /dev/shm/adam
uptime
LAUNCHES=6 REP=2 timeout 85 python ab.py 784-128-10-b16,784-128-32-10-adam 5 /dev/shm/adam/base /dev/shm/adam/v18 /work/wt/adam
uptime
