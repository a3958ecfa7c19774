/* Working directory, environment, and the command itself, found as execvp(3) does but with a runtime's words. */
#define _GNU_SOURCE
#include "shim.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char **environ;

static void execute(const char *path, const char *name) {
  struct stat stat_of;
  execve(path, container.command, environ);
  if (errno == ENOENT || errno == ENOTDIR) return;
  if (errno == EACCES && stat(path, &stat_of) == 0 && S_ISDIR(stat_of.st_mode)) fail("exec: \"%s\": is a directory", name);
  fail("exec: \"%s\": %s", name, errno == EACCES ? "permission denied" : errno == ENOEXEC ? "exec format error" : strerror(errno));
}

static void change_directory(void) {
  const char *cwd = container.cwd ? container.cwd : "/";
  if (chdir(cwd) != 0) fail("workingDir \"%s\": chdir: %s", cwd, errno == ENOENT ? "no such file or directory" : strerror(errno));
}

static void set_environment(void) {
  /* The shell that executed this program added these. */
  static const char *own[] = {"_", "PWD", "OLDPWD", "SHLVL"};
  for (size_t at = 0; at < sizeof own / sizeof *own; at++) unsetenv(own[at]);
  for (int at = 0; at < container.count; at++)
    if (strcmp(container.operations[at].name, "env") == 0 && putenv((char *)container.operations[at].words[0]) != 0)
      fail("cannot set the environment: %s", strerror(errno));
}

/* Holds the Pod's namespaces; as process 1 of one it reaps whoever is left to it. */
static void pause_forever(void) {
  signal(SIGCHLD, SIG_IGN);
  /* Tells the parent that nothing failed. */
  syscall(SYS_close_range, 3, ~0U, 0);
  for (;;) pause();
}

void run_command(void) {
  if (!container.base) pause_forever();
  set_environment();
  change_directory();
  run_inside();
}

void run_inside(void) {
  const char *name = container.command[0];
  drop_privileges();
  if (strchr(name, '/')) {
    execute(name, name);
    fail("exec: \"%s\": stat %s: no such file or directory", name, name);
  }
  const char *search = getenv("PATH");
  char path[8192];
  for (const char *at = search ? search : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"; *name;) {
    size_t length = strcspn(at, ":");
    struct stat stat_of;
    if (snprintf(path, sizeof path, "%.*s/%s", length ? (int)length : 1, length ? at : ".", name) < (int)sizeof path &&
        stat(path, &stat_of) == 0 && !S_ISDIR(stat_of.st_mode) && access(path, X_OK) == 0)
      execute(path, name);
    if (at[length] == 0) break;
    at += length + 1;
  }
  fail("exec: \"%s\": executable file not found in $PATH", name);
}
