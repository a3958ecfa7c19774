/*
 * Runs one more command in a running container: `rondo-shim exec PID [operations] -- command`, with the operations uid,
 * gid, groups, caps, nnp, seccomp and cgroup of the container's start. Standard files and environment are the caller's.
 * Ends as the command does; when it is killed, the command is too.
 */
#define _GNU_SOURCE
#include "shim.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The mount namespace last: after it /proc is another one. */
static const char *namespaces[] = {"ipc", "uts", "net", "pid", "mnt"};
enum { COUNT = sizeof namespaces / sizeof *namespaces };

static int open_of(const char *pid, const char *name, int flags) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%s/%s", pid, name);
  int file = open(path, flags | O_CLOEXEC);
  if (file < 0) fail("the container has ended: %s: %s", path, strerror(errno));
  return file;
}

static void join_cgroups(void) {
  for (int at = 0; at < container.count; at++) {
    if (strcmp(container.operations[at].name, "cgroup") != 0) continue;
    int file = open(container.operations[at].words[0], O_WRONLY | O_CLOEXEC);
    if (file < 0 || write(file, "0", 1) != 1) fail("cannot join %s: %s", container.operations[at].words[0], strerror(errno));
    close(file);
  }
}

static pid_t command_pid;

static void pass_on(int number) {
  if (command_pid > 0) kill(command_pid, number);
}

int exec_in(const char *pid) {
  int files[COUNT];
  char name[16];
  error_pipe = 2;
  for (int at = 0; at < COUNT; at++) {
    snprintf(name, sizeof name, "ns/%s", namespaces[at]);
    files[at] = open_of(pid, name, O_RDONLY);
  }
  int root = open_of(pid, "root", O_PATH | O_DIRECTORY), cwd = open_of(pid, "cwd", O_PATH | O_DIRECTORY);
  join_cgroups();
  for (int at = 0; at < COUNT; at++)
    if (setns(files[at], 0) != 0) fail("cannot join the %s namespace: %s", namespaces[at], strerror(errno));
  pid_t parent = getpid();
  command_pid = fork();
  if (command_pid < 0) fail("the command's process cannot be made: %s", strerror(errno));
  if (command_pid == 0) {
    (void)parent;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (fchdir(root) != 0 || chroot(".") != 0 || fchdir(cwd) != 0) fail("cannot enter the container: %s", strerror(errno));
    syscall(SYS_close_range, 3, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */);
    umask(022);
    run_inside();
  }
  signal(SIGTERM, pass_on);
  signal(SIGINT, pass_on);
  signal(SIGHUP, pass_on);
  int status;
  while (waitpid(command_pid, &status, 0) < 0)
    if (errno != EINTR) return 255;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
