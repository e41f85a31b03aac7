#!/bin/bash
# One monitor, one OSD, one gateway, on loopback, with data in /data: a second start goes on with the data of the first.
# RGW_PORT, MON_PORT, MON_PORT_V1: free ports. ACCESS_KEY, SECRET_KEY: of the one user.
set -euo pipefail
data=/data ip=127.0.0.1
export CEPH_CONF=$data/ceph.conf
mkdir -p $data

if [ ! -f $data/made ]; then
  rm -rf "${data:?}"/*
  fsid=$(cat /proc/sys/kernel/random/uuid)
  cat > $CEPH_CONF <<CONF
[global]
fsid = $fsid
mon host = v2:$ip:$MON_PORT/0,v1:$ip:$MON_PORT_V1/0
public addr = $ip
cluster addr = $ip
auth allow insecure global id reclaim = false
mon data avail warn = 1
mon data avail crit = 1
mon allow pool size one = true
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pgp num = 8
osd crush chooseleaf type = 0
mon data = $data/mon
osd data = $data/osd
keyring = $data/keyring
log file = $data/log-\$name
mon cluster log file = $data/log-cluster
run dir = $data
admin socket = $data/\$name.asok
osd objectstore = bluestore
bluestore block size = 4294967296
bluestore fsck on mount = false
osd memory target = 939524096
bluestore cache size = 134217728
[client.rgw]
rgw frontends = beast endpoint=$ip:$RGW_PORT
CONF
  ceph-authtool --create-keyring $data/keyring --gen-key -n mon. --cap mon 'allow *' >/dev/null
  ceph-authtool $data/keyring --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *' >/dev/null
  ceph-authtool $data/keyring --gen-key -n client.rgw --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *' >/dev/null
  ceph-authtool $data/keyring --gen-key -n osd.0 --cap mon 'allow profile osd' --cap osd 'allow *' >/dev/null
  monmaptool --create --fsid "$fsid" --addv a "[v2:$ip:$MON_PORT,v1:$ip:$MON_PORT_V1]" $data/monmap >/dev/null
  mkdir -p $data/mon $data/osd
  ceph-mon --mkfs -i a --monmap $data/monmap --keyring $data/keyring
fi

ceph-mon -i a -f &
if [ ! -f $data/made ]; then
  uuid=$(cat /proc/sys/kernel/random/uuid)
  ceph osd new "$uuid" >/dev/null
  ceph auth import -i $data/keyring >/dev/null 2>&1
  ceph-osd -i 0 --mkfs --osd-uuid "$uuid" >/dev/null 2>&1
fi
ceph-osd -i 0 -f &
radosgw -n client.rgw -f &
if [ ! -f $data/made ]; then
  radosgw-admin -n client.rgw user create --uid=tests --display-name=tests \
    --access-key="$ACCESS_KEY" --secret-key="$SECRET_KEY" >/dev/null 2>&1
  touch $data/made
fi
wait
