/*
 * Runs one container: claims its attempt, builds its namespaces and root file system, gives up privileges, executes the
 * command, waits, and records the exit. One process per container that outlives the engine (about 0.1 MB).
 *
 * Arguments are operations with a fixed number of words each (see `operations` below), then `--` and the command. The
 * environment is the container's; secrets come only there. Exit 17: claimed before, or the Pod was removed meanwhile.
 * `exec PID` in front of them runs a command in a container that runs: see exec.c. `network`: see network.c.
 * src/runtimes/sandbox/shim-executor.ts writes the arguments; util-linux-executor.ts does the same with a script.
 */
#define _GNU_SOURCE
#include "shim.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct container container;
int error_pipe = -1;
const char *error_prefix;

/* Ends the child and tells why: the parent makes it the container's StartError. */
void fail(const char *format, ...) {
  char text[2048];
  int length = error_prefix ? snprintf(text, sizeof text, "%s", error_prefix) : 0;
  va_list list;
  va_start(list, format);
  length += vsnprintf(text + length, sizeof text - (size_t)length, format, list);
  va_end(list);
  if (length > (int)sizeof text - 2) length = sizeof text - 2;
  if (error_prefix) text[length++] = '\n';
  if (error_pipe >= 0 && write(error_pipe, text, length) != length) _exit(129);
  _exit(128);
}

static void usage(const char *word) {
  fprintf(stderr, "rondo-shim: bad or missing operation near \"%s\"\n", word);
  exit(2);
}

enum { MAX_LIST = 512 };

static void add(struct operation operation) {
  if (container.count == MAX_LIST) usage("too many operations");
  container.operations[container.count++] = operation;
}

struct setting {
  const char *name;
  const char **place;
};

static const struct setting settings[] = {
    {"claim", &container.claim},     {"exit", &container.exit_prefix}, {"log", &container.log},
    {"error", &container.error},     {"started", &container.started},  {"alive", &container.alive},
    {"base", &container.base},       {"lower", &container.lower},      {"hostname", &container.hostname},
    {"cwd", &container.cwd},         {"uid", &container.uid},          {"gid", &container.gid},
    {"groups", &container.groups},   {"caps", &container.caps},        {"new", &container.new_namespaces},
    {"input", &container.input},     /* a FIFO to read instead of nothing */
};

static const struct setting flags[] = {
    {"readonly", &container.readonly}, {"nnp", &container.nnp},   {"seccomp", &container.seccomp},
    {"protect", &container.protect},   {"lo", &container.loopback},
    {"endless", &container.endless}, /* the input is held open, so that it never ends */
};

/* Operations that may come several times, in this order of kinds: their words after the name. */
static const struct {
  const char *name;
  int words;
} operations[] = {
    {"join", 2},  /* namespace type, file */
    {"cgroup", 1}, /* cgroup.procs file */
    {"bind", 3},  /* source, target in the root, options: any of r (read-only) R (recursive) */
    {"tmpfs", 2}, /* target, options of the file system */
    {"touch", 1}, /* file outside the root that a later bind needs */
    {"proc", 1},  {"sys", 2}, /* target, ro or rw */
    {"dev", 1},   {"file", 2}, /* path in the root, content */
    {"env", 1},
};

static int find(const struct setting *list, size_t count, const char *name) {
  for (size_t at = 0; at < count; at++)
    if (strcmp(list[at].name, name) == 0) return (int)at;
  return -1;
}

static void parse(char **words) {
  for (; *words != NULL && strcmp(*words, "--") != 0; words++) {
    int at = find(flags, sizeof flags / sizeof *flags, *words);
    if (at >= 0) {
      *flags[at].place = "yes";
      continue;
    }
    at = find(settings, sizeof settings / sizeof *settings, *words);
    if (at >= 0) {
      if (words[1] == NULL) usage(*words);
      *settings[at].place = *++words;
      continue;
    }
    size_t kind = 0;
    while (kind < sizeof operations / sizeof *operations && strcmp(operations[kind].name, *words) != 0) kind++;
    if (kind == sizeof operations / sizeof *operations) usage(*words);
    struct operation operation = {operations[kind].name, {NULL, NULL, NULL}};
    for (int word = 0; word < operations[kind].words; word++) {
      if (words[1] == NULL) usage(*words);
      operation.words[word] = *++words;
    }
    add(operation);
  }
  if (*words == NULL || words[1] == NULL) usage("--");
  container.command = words + 1;
}

static void require_settings(void) {
  if (!container.claim || !container.exit_prefix || !container.log || !container.error || !container.started ||
      !container.alive || !container.new_namespaces)
    usage("missing setting");
}

/* Claims the attempt before anything is started. A full disk delays it. */
static int make_claim(void) {
  char stat[512], text[1024];
  int self = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
  ssize_t length = self < 0 ? -1 : read(self, stat, sizeof stat - 1);
  if (length <= 0) exit(17);
  close(self);
  stat[length] = 0;
  stat[strcspn(stat, "\n")] = 0;
  int size = snprintf(text, sizeof text, "%s %s\n", container.started, stat);
  for (;;) {
    if (access(container.alive, F_OK) != 0) exit(17);
    int claim = open(container.claim, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (claim < 0) {
      if (errno == EEXIST) exit(17);
      sleep(1);
      continue;
    }
    while (pwrite(claim, text, size, 0) != size) sleep(1);
    lseek(claim, size, SEEK_SET);
    return claim;
  }
}

/* The record is a file's name, so that making it is one system call; its directory goes only with the data directory. */
static void record_exit(int code, const char *kind) {
  char name[4200];
  snprintf(name, sizeof name, "%s%d%s", container.exit_prefix, code, kind);
  char *slash = strrchr(name, '/');
  for (;;) {
    int file = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (file >= 0) return;
    *slash = 0;
    int gone = access(name, F_OK) != 0;
    *slash = '/';
    if (gone) return;
    sleep(1);
  }
}

static int namespace_flag(char letter) {
  switch (letter) {
  case 'p': return CLONE_NEWPID;
  case 'm': return CLONE_NEWNS;
  case 'u': return CLONE_NEWUTS;
  case 'i': return CLONE_NEWIPC;
  case 'n': return CLONE_NEWNET;
  default: usage("new"); return 0;
  }
}

/* A pid namespace is joined by the children of who asks. Returns what is wrong, if anything. */
static const char *join_pid_namespace(void) {
  for (int at = 0; at < container.count; at++) {
    struct operation *operation = &container.operations[at];
    if (strcmp(operation->name, "join") != 0 || strcmp(operation->words[0], "pid") != 0) continue;
    int file = open(operation->words[1], O_RDONLY | O_CLOEXEC);
    if (file < 0 || setns(file, CLONE_NEWPID) != 0) return strerror(errno);
    close(file);
  }
  return NULL;
}

/* Between fork and exec. */
static void child(int log, int error) {
  error_pipe = error;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  struct pollfd reader = {error_pipe, POLLOUT, 0};
  if (poll(&reader, 1, 0) == 1 && (reader.revents & POLLERR)) _exit(137); /* the parent died before prctl */
  setsid();
  sigset_t none;
  sigemptyset(&none);
  for (int number = 1; number < 65; number++) signal(number, SIG_DFL);
  sigprocmask(SIG_SETMASK, &none, NULL);
  int input = open(container.input ? container.input : "/dev/null", (container.endless ? O_RDWR : O_RDONLY) | O_CLOEXEC);
  if (input < 0 || dup2(input, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0) fail("no standard files: %s", strerror(errno));
  syscall(SYS_close_range, 3, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */);
  umask(022);
  enter_root();
  run_command();
}

static pid_t start_child(int log, int pipes[2]) {
  long namespaces = 0;
  for (const char *letter = container.new_namespaces; *letter; letter++)
    if (*letter != '-') namespaces |= namespace_flag(*letter);
  pid_t pid = (pid_t)syscall(SYS_clone, namespaces | SIGCHLD, NULL, NULL, NULL, NULL);
  if (pid == 0) {
    close(pipes[0]);
    child(log, pipes[1]);
  }
  return pid;
}

static void write_error(const char *text, size_t length) {
  int file = open(container.error, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  while (file < 0 || pwrite(file, text, length, 0) != (ssize_t)length) {
    if (access(container.alive, F_OK) != 0) return;
    sleep(1);
    if (file < 0) file = open(container.error, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  }
  close(file);
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "version") == 0) {
    puts("rondo-shim 1");
    return 0;
  }
  if (argc > 2 && strcmp(argv[1], "network") == 0) return network(argc - 2, argv + 2);
  if (argc > 2 && strcmp(argv[1], "exec") == 0) {
    parse(argv + 3);
    return exec_in(argv[2]);
  }
  parse(argv + 1);
  require_settings();
  static const int ignored[] = {SIGHUP, SIGINT, SIGTERM, SIGQUIT, SIGPIPE, SIGTTOU, SIGTTIN, SIGTSTP};
  for (size_t at = 0; at < sizeof ignored / sizeof *ignored; at++) signal(ignored[at], SIG_IGN);
  setsid();
  int claim = make_claim();
  int log = open(container.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  int pipes[2];
  if (log < 0 || pipe2(pipes, O_CLOEXEC) != 0) {
    const char *text = "the log cannot be opened";
    write_error(text, strlen(text));
    record_exit(128, "S");
    return 0;
  }
  error_pipe = pipes[1];
  const char *problem = join_pid_namespace();
  pid_t pid = problem ? -1 : start_child(log, pipes);
  char message[2048];
  ssize_t length = 0;
  if (pid < 0) length = snprintf(message, sizeof message, "the container's process cannot be made: %s", problem ? problem : strerror(errno));
  close(pipes[1]);
  close(log);
  if (pid > 0) {
    dprintf(claim, "%d\n", pid);
    /* Ends when the command is executed, or could not be. */
    for (ssize_t got; length < (ssize_t)sizeof message &&
         (got = read(pipes[0], message + length, sizeof message - length)) != 0;) {
      if (got > 0) length += got;
      else if (errno != EINTR) break;
    }
  }
  close(pipes[0]);
  close(claim);
  int status = 0;
  while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
  if (length > 0) {
    write_error(message, length);
    record_exit(128, "S");
  } else record_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status), "");
  return 0;
}
