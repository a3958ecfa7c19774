/*
 * RuntimeDefault: system calls that reach beyond a container are refused with EPERM, as the default profiles of
 * container runtimes do. Those list what is allowed; this lists what is not: what mounts, loads, traces other kernels'
 * doors, or makes namespaces. clone3 answers ENOSYS, so that C libraries fall back to clone, whose flags can be seen.
 */
#include "shim.h"
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#ifdef ARCHITECTURE
static const int refused[] = {
    SYS_acct, SYS_add_key, SYS_bpf, SYS_clock_adjtime, SYS_clock_settime, SYS_delete_module, SYS_fanotify_init,
    SYS_finit_module, SYS_init_module, SYS_kcmp, SYS_kexec_file_load, SYS_kexec_load, SYS_keyctl, SYS_lookup_dcookie,
    SYS_mount, SYS_move_pages, SYS_name_to_handle_at, SYS_nfsservctl, SYS_open_by_handle_at, SYS_perf_event_open,
    SYS_pivot_root, SYS_quotactl, SYS_reboot, SYS_request_key, SYS_setns, SYS_settimeofday,
    SYS_swapoff, SYS_swapon, SYS_syslog, SYS_umount2, SYS_unshare, SYS_userfaultfd, SYS_vhangup,
#ifdef __x86_64__
    SYS_ioperm, SYS_iopl, SYS_uselib, SYS_ustat, SYS_sysfs, SYS__sysctl, SYS_create_module, SYS_get_kernel_syms, SYS_query_module,
#endif
    425, 426, 427,                     /* io_uring_setup, _enter, _register */
    428, 429, 430, 431, 432, 433, 442, /* open_tree, move_mount, fsopen, fsconfig, fsmount, fspick, mount_setattr */
};

/* CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET */
static const unsigned namespaces = 0x7E020000;

void install_seccomp(void) {
  enum { COUNT = sizeof refused / sizeof *refused };
  struct sock_filter program[COUNT * 2 + 20];
  unsigned short length = 0;
#define ADD(code, k) program[length++] = (struct sock_filter)BPF_STMT(code, k)
#define JUMP(code, k, yes, no) program[length++] = (struct sock_filter)BPF_JUMP(code, k, yes, no)
  ADD(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
  JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
  ADD(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
  ADD(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
#ifdef __x86_64__
  JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1); /* x32 */
  ADD(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
#endif
  for (int at = 0; at < COUNT; at++) {
    JUMP(BPF_JMP | BPF_JEQ | BPF_K, refused[at], 0, 1);
    ADD(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
  }
  JUMP(BPF_JMP | BPF_JEQ | BPF_K, 435 /* clone3 */, 0, 1);
  ADD(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
  JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 1, 0);
  ADD(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  ADD(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0]));
  JUMP(BPF_JMP | BPF_JSET | BPF_K, namespaces, 0, 1);
  ADD(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
  ADD(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  struct sock_fprog filter = {length, program};
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) fail("seccomp cannot be set: %s", strerror(errno));
}
#else
void install_seccomp(void) { fail("seccomp RuntimeDefault is not made for this architecture"); }
#endif
