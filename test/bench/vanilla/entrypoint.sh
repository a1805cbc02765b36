#!/bin/bash
# The packaged configuration, changed only where it could not be compared otherwise: addresses and ports of this machine, no
# questions to STUN servers, another password than 1234 (with that it waits 10 s before every call), and candidates of browsers let in.
set -eu
cp -r /usr/share/freeswitch/conf/vanilla/. /etc/freeswitch/
cd /etc/freeswitch
sed -i -e "s/default_password=1234/default_password=$PASSWORD/" -e 's/cmd="stun-set" data="\(external_[a-z]*_ip\)=[^"]*"/cmd="set" data="\1=127.0.0.1"/' \
  -e "s/internal_sip_port=5060/internal_sip_port=$((BASE + 2))/" -e "s/internal_tls_port=5061/internal_tls_port=$((BASE + 3))/" \
  -e "s/external_sip_port=5080/external_sip_port=$((BASE + 4))/" -e "s/external_tls_port=5081/external_tls_port=$((BASE + 5))/" \
  -e '0,/<include>/s//<include>\n  <X-PRE-PROCESS cmd="set" data="local_ip_v4=127.0.0.1"\/>/' vars.xml
sed -i -e "s/value=\":5066\"/value=\"127.0.0.1:$BASE\"/" -e "s/value=\":7443\"/value=\"127.0.0.1:$((BASE + 1))\"/" \
  -e '0,/<settings>/s//<settings>\n    <param name="apply-candidate-acl" value="any_v4.auto"\/>/' sip_profiles/internal.xml
sed -i -e 's/value="::"/value="127.0.0.1"/' -e "s/value=\"8021\"/value=\"$((BASE + 6))\"/" -e "s/value=\"ClueCon\"/value=\"$PASSWORD\"/" autoload_configs/event_socket.conf.xml
exec freeswitch -nonat -c -nf < /dev/null
