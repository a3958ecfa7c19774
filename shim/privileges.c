/* User, groups, capabilities, no_new_privs, seccomp: in the order in which each is still allowed. */
#define _GNU_SOURCE
#include "shim.h"
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static void set_groups(void) {
  gid_t groups[256];
  size_t count = 0;
  for (const char *at = container.groups ? container.groups : ""; *at; at += *at == ',') {
    char *end;
    if (count == sizeof groups / sizeof *groups) fail("too many supplementary groups");
    groups[count++] = (gid_t)strtoul(at, &end, 10);
    if (end == at) fail("bad group list");
    at = end;
  }
  if (setgroups(count, groups) != 0) fail("cannot set groups: %s", strerror(errno));
}

static void limit_capabilities(void) {
  unsigned long long keep = strtoull(container.caps, NULL, 16);
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
    if (!(keep >> capability & 1) && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0 && errno != EINVAL)
      fail("cannot drop capability %d: %s", capability, strerror(errno));
}

/* Inheritable ones would survive the exec of a user without privileges. */
static void clear_inheritable(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {{0, 0, 0}, {0, 0, 0}};
  if (syscall(SYS_capget, &header, data) != 0) fail("cannot read capabilities: %s", strerror(errno));
  data[0].inheritable = data[1].inheritable = 0;
  if (syscall(SYS_capset, &header, data) != 0) fail("cannot set capabilities: %s", strerror(errno));
}

void drop_privileges(void) {
  if (container.nnp && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail("cannot forbid new privileges: %s", strerror(errno));
  if (container.seccomp) install_seccomp();
  if (container.caps) limit_capabilities();
  if (container.groups) set_groups();
  gid_t gid = container.gid ? (gid_t)strtoul(container.gid, NULL, 10) : 0;
  uid_t uid = container.uid ? (uid_t)strtoul(container.uid, NULL, 10) : 0;
  if (container.gid && setresgid(gid, gid, gid) != 0) fail("cannot become group %s: %s", container.gid, strerror(errno));
  if (container.uid && setresuid(uid, uid, uid) != 0) fail("cannot become user %s: %s", container.uid, strerror(errno));
  if (container.caps) clear_inheritable();
  /* A change of user clears it. */
  if (prctl(PR_SET_PDEATHSIG, 9) != 0) fail("cannot bind the container to its shim: %s", strerror(errno));
}
