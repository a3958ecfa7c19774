/*
 * Networks of Pods. One switch per engine: a network namespace with a bridge, that the host sees as one interface; so
 * neither the host's firewall nor its interface managers have anything to do with single Pods. One holder per Pod: a
 * namespace whose eth0 is a port of that bridge. The kernel's objects belong to these processes and go with them.
 *
 *   network switch CLAIM LIFE NAME ADDRESS PREFIX MTU ALIAS          makes the bridge, and interface NAME on the host
 *   network hold CLAIM LIFE SWITCH ADDRESS PREFIX GATEWAY MTU        makes the namespace of a Pod
 *   network plug PID SWITCH ADDRESS PREFIX GATEWAY MTU               plugs a namespace that is there into a new switch
 *   network dial PID PORT                                            carries standard input and output to a port there
 *
 * CLAIM tells who holds it, as a wrapper does. LIFE is a FIFO that the engine keeps open for writing. When the engine is
 * gone, what belongs to no Pod ends: a holder belongs to one if the file CLAIM.pod is not empty, the switch if one of them
 * does. src/runtimes/sandbox/network/ writes the arguments; ip-commands.ts does the same with ip(8).
 */
#define _GNU_SOURCE
#include "netlink.h"
#include "shim.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct port {
  struct in_addr address, gateway;
  unsigned char prefix;
  unsigned mtu;
};

static struct in_addr address_of(const char *text) {
  struct in_addr address;
  if (inet_pton(AF_INET, text, &address) != 1) fail("%s is no address", text);
  return address;
}

static int open_namespace(const char *pid) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%s/ns/net", pid);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) fail("%s: %s", path, strerror(errno));
  return file;
}

static void enter(int namespace) {
  if (setns(namespace, CLONE_NEWNET) != 0) fail("cannot enter a network namespace: %s", strerror(errno));
}

static void make_claim(const char *path, int flags) {
  char text[512];
  int self = open("/proc/self/stat", O_RDONLY | O_CLOEXEC), claim = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);
  ssize_t length = self < 0 ? -1 : read(self, text, sizeof text);
  if (length <= 0 || claim < 0 || dprintf(claim, "0 %.*s", (int)length, text) < 0) fail("%s: %s", path, strerror(errno));
  close(self);
  close(claim);
}

static void say(const char *text) {
  /* An engine that is gone hears nothing; what is to be done then comes later. */
  if (write(1, text, strlen(text)) < 0) return;
}

static int is_assigned(const char *claim) {
  char path[4096];
  struct stat info;
  return snprintf(path, sizeof path, "%s.pod", claim) < (int)sizeof path && stat(path, &info) == 0 && info.st_size > 0;
}

static int is_any_assigned(const char *claim) {
  char path[4096];
  snprintf(path, sizeof path, "%s", claim);
  *strrchr(path, '/') = 0;
  DIR *directory = opendir(path);
  int found = 0;
  for (struct dirent *entry; directory && !found && (entry = readdir(directory)) != NULL;) {
    struct stat info;
    size_t length = strlen(entry->d_name);
    found = length > 4 && strcmp(entry->d_name + length - 4, ".pod") == 0 &&
            fstatat(dirfd(directory), entry->d_name, &info, 0) == 0 && info.st_size > 0;
  }
  if (directory) closedir(directory);
  return found;
}

static volatile sig_atomic_t told_to_end;

static void on_term(int number) {
  (void)number;
  told_to_end = 1;
}

/* As long as an engine lives or a Pod needs it; a later engine takes over by opening the FIFO. */
static void stay(const char *claim, const char *life, int (*is_needed)(const char *)) {
  struct sigaction action = {.sa_handler = on_term}; /* without SA_RESTART: waiting ends */
  int nothing = open("/dev/null", O_RDWR);
  for (int file = 0; file < 3; file++) dup2(nothing, file);
  syscall(SYS_close_range, 3, ~0U, 0);
  sigaction(SIGTERM, &action, NULL);
  for (char byte; !told_to_end;) {
    int engine = open(life, O_RDONLY | O_CLOEXEC);
    if (engine < 0 && errno != EINTR) break;
    ssize_t got = 1;
    while (engine >= 0 && !told_to_end && got != 0) got = read(engine, &byte, 1);
    if (engine >= 0) close(engine);
    if (got == 0 && !is_needed(claim)) break;
  }
}

/* An end of a new pair that is a port of the bridge; gives the messages one more: the other end as `peer` in `namespace`. */
static void add_pair(struct messages *messages, const char *name, const char *peer, int namespace, const struct port *port) {
  struct ifinfomsg up = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP}, none = {0};
  unsigned bridge = if_nametoindex("pods");
  if (bridge == 0) fail("the switch is gone");
  netlink_begin(messages, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &up, sizeof up);
  netlink_text(messages, IFLA_IFNAME, name);
  netlink_put(messages, IFLA_MTU, &port->mtu, sizeof port->mtu);
  netlink_put(messages, IFLA_MASTER, &bridge, sizeof bridge);
  size_t info = netlink_nest(messages, IFLA_LINKINFO, NULL, 0);
  netlink_text(messages, IFLA_INFO_KIND, "veth");
  size_t data = netlink_nest(messages, IFLA_INFO_DATA, NULL, 0);
  size_t other = netlink_nest(messages, VETH_INFO_PEER, &none, sizeof none);
  netlink_text(messages, IFLA_IFNAME, peer);
  netlink_put(messages, IFLA_MTU, &port->mtu, sizeof port->mtu);
  if (port->address.s_addr != port->gateway.s_addr) {
    /* An address that comes again has the same hardware address: what others remember of it stays true. */
    unsigned char hardware[6] = {0x02, 0x52};
    memcpy(hardware + 2, &port->address, 4);
    netlink_put(messages, IFLA_ADDRESS, hardware, sizeof hardware);
  }
  netlink_put(messages, IFLA_NET_NS_FD, &namespace, sizeof namespace);
  netlink_end(messages, other);
  netlink_end(messages, data);
  netlink_end(messages, info);
}

static void set_up(struct messages *messages, unsigned index) {
  struct ifinfomsg up = {.ifi_index = (int)index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
  netlink_begin(messages, RTM_NEWLINK, NLM_F_ACK, &up, sizeof up);
}

static void add_address(struct messages *messages, unsigned index, const struct port *port) {
  struct ifaddrmsg header = {.ifa_family = AF_INET, .ifa_prefixlen = port->prefix, .ifa_index = index};
  struct in_addr broadcast = {port->address.s_addr | htonl(0xffffffffU >> port->prefix)};
  netlink_begin(messages, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &header, sizeof header);
  netlink_put(messages, IFA_LOCAL, &port->address, sizeof port->address);
  netlink_put(messages, IFA_ADDRESS, &port->address, sizeof port->address);
  netlink_put(messages, IFA_BROADCAST, &broadcast, sizeof broadcast);
}

/* Pods have no IPv6 addresses: the kernel must not make one up. A kernel without IPv6 refuses, which is as well. */
static void forbid_own_addresses(int socket, unsigned index) {
  struct messages messages = {.length = 0};
  struct ifinfomsg header = {.ifi_index = (int)index};
  unsigned char none = 1; /* IN6_ADDR_GEN_MODE_NONE */
  netlink_begin(&messages, RTM_NEWLINK, NLM_F_ACK, &header, sizeof header);
  size_t families = netlink_nest(&messages, IFLA_AF_SPEC, NULL, 0), family = netlink_nest(&messages, AF_INET6, NULL, 0);
  netlink_put(&messages, IFLA_INET6_ADDR_GEN_MODE, &none, sizeof none);
  netlink_end(&messages, family);
  netlink_end(&messages, families);
  netlink_send(socket, &messages);
}

static void require_sent(int socket, struct messages *messages, const char *what) {
  int error = netlink_send(socket, messages);
  if (error) fail("%s: %s", what, strerror(error));
}

/* Both namespaces are open; ends in the Pod's. */
static void plug(int pod, int hub, const struct port *port) {
  struct messages messages = {.length = 0};
  char name[16];
  enter(hub);
  /* Not by the address: that may come again while the kernel still clears away an old one. */
  snprintf(name, sizeof name, "p%d", (int)getpid());
  add_pair(&messages, name, "eth0", pod, port);
  int socket = netlink_open(NETLINK_ROUTE);
  require_sent(socket, &messages, "the Pod's interface cannot be made");
  close(socket);
  enter(pod);
  socket = netlink_open(NETLINK_ROUTE);
  unsigned index = if_nametoindex("eth0");
  forbid_own_addresses(socket, index);
  messages.length = 0, messages.count = 0, messages.current = NULL;
  set_up(&messages, if_nametoindex("lo"));
  set_up(&messages, index);
  add_address(&messages, index, port);
  struct rtmsg route = {.rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_STATIC, .rtm_type = RTN_UNICAST};
  netlink_begin(&messages, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_ACK, &route, sizeof route);
  netlink_put(&messages, RTA_GATEWAY, &port->gateway, sizeof port->gateway);
  netlink_put(&messages, RTA_OIF, &index, sizeof index);
  require_sent(socket, &messages, "the Pod's interface cannot be set up");
  close(socket);
}

static void new_namespace(void) {
  if (unshare(CLONE_NEWNET) != 0) fail("no network namespace: %s", strerror(errno));
}

static struct port port_of(char **words) {
  struct port port = {address_of(words[0]), address_of(words[2]), (unsigned char)atoi(words[1]), (unsigned)atoi(words[3])};
  return port;
}

static void hold(char **words) {
  char line[64];
  make_claim(words[0], O_EXCL);
  int hub = open_namespace(words[2]);
  struct port port = port_of(words + 3);
  new_namespace();
  int pod = open_namespace("self");
  plug(pod, hub, &port);
  snprintf(line, sizeof line, "made %s\n", words[3]);
  say(line);
  stay(words[0], words[1], is_assigned);
  unlink(words[0]);
  exit(0);
}

static void make_bridge(int socket) {
  struct messages messages = {.length = 0};
  struct ifinfomsg up = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
  unsigned char off = 0;
  netlink_begin(&messages, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &up, sizeof up);
  netlink_text(&messages, IFLA_IFNAME, "pods");
  size_t info = netlink_nest(&messages, IFLA_LINKINFO, NULL, 0);
  netlink_text(&messages, IFLA_INFO_KIND, "bridge");
  size_t data = netlink_nest(&messages, IFLA_INFO_DATA, NULL, 0);
  netlink_put(&messages, IFLA_BR_MCAST_SNOOPING, &off, sizeof off);
  netlink_end(&messages, data);
  netlink_end(&messages, info);
  require_sent(socket, &messages, "no bridge");
}

static void hub(char **words) {
  struct messages messages = {.length = 0};
  const char *name = words[2];
  struct port port = {address_of(words[3]), address_of(words[3]), (unsigned char)atoi(words[4]), (unsigned)atoi(words[5])};
  make_claim(words[0], O_EXCL);
  int host = open_namespace("self"), outside = netlink_open(NETLINK_ROUTE);
  new_namespace();
  int own = open_namespace("self"), inside = netlink_open(NETLINK_ROUTE);
  make_bridge(inside);
  add_pair(&messages, "host", name, host, &port);
  int error = netlink_send(inside, &messages);
  if (error == EEXIST) {
    unlink(words[0]);
    say("switch taken\n");
    exit(0);
  }
  if (error) fail("no interface on the host: %s", strerror(error));
  enter(host);
  unsigned index = if_nametoindex(name);
  struct messages settings = {.length = 0};
  struct ifinfomsg header = {.ifi_index = (int)index};
  forbid_own_addresses(outside, index);
  netlink_begin(&settings, RTM_NEWLINK, NLM_F_ACK, &header, sizeof header);
  netlink_put(&settings, IFLA_IFALIAS, words[6], strlen(words[6]));
  set_up(&settings, index);
  add_address(&settings, index, &port);
  require_sent(outside, &settings, "the interface on the host cannot be set up");
  enter(own);
  say("switch up\n");
  stay(words[0], words[1], is_any_assigned);
  /* At once, so that the next engine finds the name free; the kernel itself would take its time. */
  struct messages removal = {.length = 0};
  struct ifinfomsg gone = {.ifi_index = (int)if_nametoindex("host")};
  netlink_begin(&removal, RTM_DELLINK, NLM_F_ACK, &gone, sizeof gone);
  netlink_send(netlink_open(NETLINK_ROUTE), &removal);
  unlink(words[0]);
  exit(0);
}

static int connect_to(int family, const void *address, size_t size) {
  int made = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (made >= 0 && connect(made, address, (socklen_t)size) == 0) return made;
  int error = errno;
  close(made);
  errno = error;
  return -1;
}

static int write_all(int to, const char *bytes, ssize_t count) {
  while (count > 0) {
    ssize_t written = write(to, bytes, (size_t)count);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return 0;
    bytes += written;
    count -= written;
  }
  return 1;
}

/* Until both directions are over. */
static void carry(int connection) {
  char bytes[65536];
  struct pollfd from[2] = {{.fd = 0, .events = POLLIN}, {.fd = connection, .events = POLLIN}};
  while (from[0].fd >= 0 || from[1].fd >= 0) {
    if (poll(from, 2, -1) < 0) continue;
    for (int at = 0; at < 2; at++) {
      if (from[at].fd < 0 || !from[at].revents) continue;
      ssize_t got = read(from[at].fd, bytes, sizeof bytes);
      if (got > 0 && write_all(at == 0 ? connection : 1, bytes, got)) continue;
      from[at].fd = -1;
      if (at == 0) shutdown(connection, SHUT_WR);
      else return;
    }
  }
}

static void dial(char **words) {
  unsigned short port = htons((unsigned short)atoi(words[1]));
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct sockaddr_in6 here6 = {.sin6_family = AF_INET6, .sin6_port = port, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  error_pipe = 2;
  error_prefix = NULL;
  enter(open_namespace(words[0]));
  int connection = connect_to(AF_INET, &here, sizeof here);
  int error = errno;
  if (connection < 0) connection = connect_to(AF_INET6, &here6, sizeof here6);
  if (connection < 0) fail("%s", error == ECONNREFUSED ? "connect: connection refused" : strerror(error));
  carry(connection);
}

int network(int count, char **words) {
  static char prefix[64];
  const char *verb = count > 0 ? words[0] : "";
  signal(SIGPIPE, SIG_IGN);
  setsid();
  error_pipe = 1;
  error_prefix = prefix;
  int is_hold = strcmp(verb, "hold") == 0;
  if (is_hold || strcmp(verb, "plug") == 0) snprintf(prefix, sizeof prefix, "failed %s ", count > 4 ? words[is_hold ? 4 : 3] : "");
  else snprintf(prefix, sizeof prefix, "switch failed ");
  if (strcmp(verb, "switch") == 0 && count == 8) hub(words + 1);
  else if (is_hold && count == 8) hold(words + 1);
  else if (strcmp(verb, "plug") == 0 && count == 7) {
    struct port port = port_of(words + 3);
    char line[64];
    plug(open_namespace(words[1]), open_namespace(words[2]), &port);
    snprintf(line, sizeof line, "plugged %s\n", words[3]);
    say(line);
  } else if (strcmp(verb, "dial") == 0 && count == 3) dial(words + 1);
  else return 2;
  return 0;
}
