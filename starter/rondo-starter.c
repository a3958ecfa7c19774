/*
 * Starts containers for the process runtime, and is the wrapper of each: what src/runtimes/wrapped/wrapper.ts does in
 * shell, with a third of the cost. Optional: without a C compiler the shell does it.
 *
 *   rondo-starter version   prints the version of the protocol
 *   rondo-starter serve     reads requests from standard input until it ends; the containers stay
 *
 * A request is "R<bytes>\n" and as many bytes: strings that each end in NUL. They are: claim file, exit file up to the
 * code, log file, directory of the Pod, working directory (empty: that directory), start time in ms, file whose content
 * means that the container could not start, number of variables, variables, number of words, words. A request that is cut
 * off starts nothing.
 *
 * The order is what makes it exact under kill -9: claim (O_EXCL) before anything is started; the exit file is made by
 * one system call. A full disk delays both, and never loses them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROTOCOL "1"
#define MAX_REQUEST (64 << 20)
/* As the shell exits when a container must not be started (again). */
#define NOT_STARTED 17

struct request {
  char *claim, *exit_prefix, *log, *pod_directory, *cwd, *started_at, *error_file;
  char **env, **argv;
};

static int is_directory(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static int write_all(int fd, const char *text, size_t length) {
  while (length > 0) {
    ssize_t written = write(fd, text, length);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return -1;
    text += written;
    length -= (size_t)written;
  }
  return 0;
}

/* Who we are, as the engine looks it up later: pid and start time. Without /proc: the pid. */
static void identify(char *line, size_t size) {
  int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
  ssize_t length = fd < 0 ? -1 : read(fd, line, size - 1);
  if (fd >= 0) close(fd);
  if (length <= 0) {
    snprintf(line, size, "%d", (int)getpid());
    return;
  }
  line[length] = 0;
  char *end = strchr(line, '\n');
  if (end != NULL) *end = 0;
}

/* Claims the attempt. Gives the open claim file; ends the process if somebody else has it, or the Pod is gone. */
static int claim(const struct request *r) {
  char self[1024], line[1200];
  identify(self, sizeof self);
  int length = snprintf(line, sizeof line, "%s %s\n", r->started_at, self);
  for (;;) {
    int fd = open(r->claim, O_CREAT | O_EXCL | O_WRONLY | O_APPEND | O_CLOEXEC, 0644);
    if (fd >= 0 && write_all(fd, line, (size_t)length) == 0) return fd;
    if (fd >= 0) {
      /* The disk is full: the claim must not stay without an owner. */
      unlink(r->claim);
      close(fd);
    } else if (errno == EEXIST) _exit(NOT_STARTED);
    if (!is_directory(r->pod_directory)) _exit(NOT_STARTED);
    sleep(1);
  }
}

extern char **environ;

/* Found in the container's own PATH; a script without an interpreter line is the shell's: both as a shell's exec. */
static void become(const struct request *r) {
  environ = r->env;
  execvp(r->argv[0], r->argv);
  int code = errno == ENOENT ? 127 : 126;
  dprintf(2, "%s: %s\n", r->argv[0], strerror(errno));
  _exit(code);
}

/* The container's process, in a group of its own, with signals as they are by default. */
static void contain(const struct request *r, int log, pid_t wrapper) {
  setpgid(0, 0);
#ifdef __linux__
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != wrapper) _exit(NOT_STARTED);
#else
  (void)wrapper;
#endif
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  if (log < 0) _exit(1);
  dup2(log, 1);
  dup2(log, 2);
  become(r);
}

static int exit_code(pid_t child) {
  int status;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return 255;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* One empty file, whose name says it all; as long as the Pod is there it must come to be. */
static void record(const struct request *r, int code) {
  char path[4096];
  struct stat info;
  int could_not_start = stat(r->error_file, &info) == 0 && info.st_size > 0;
  snprintf(path, sizeof path, could_not_start ? "%s128S" : "%s%d", r->exit_prefix, code);
  for (;;) {
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    if (fd >= 0) return;
    if (!is_directory(r->pod_directory)) return;
    sleep(1);
  }
}

static void supervise(const struct request *r) {
  setsid();
  umask(022);
  signal(SIGCHLD, SIG_DFL);
  signal(SIGHUP, SIG_IGN);
  signal(SIGINT, SIG_IGN);
  signal(SIGTERM, SIG_IGN);
  int null = open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; fd++) dup2(null, fd);
  if (null > 2) close(null);
  int claimed = claim(r);
  if (chdir(r->pod_directory) != 0 || (r->cwd[0] != 0 && chdir(r->cwd) != 0)) _exit(NOT_STARTED);
  int log = open(r->log, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0644);
  pid_t wrapper = getpid();
  pid_t child = fork();
  if (child == 0) contain(r, log, wrapper);
  char line[32];
  int length = snprintf(line, sizeof line, "%d\n", (int)child);
  if (child > 0) {
    setpgid(child, child);
    while (write_all(claimed, line, (size_t)length) != 0 && is_directory(r->pod_directory)) sleep(1);
  }
  close(claimed);
  int code = child > 0 ? exit_code(child) : 128;
  /* What is left of the group goes with its main process, as it would with a pid namespace. */
  if (child > 0) kill(-child, SIGKILL);
  record(r, code);
  _exit(0);
}

/* The next string of a request; NULL where it ends. */
static char *next(char **at, char *end) {
  char *start = *at;
  char *stop = start < end ? memchr(start, 0, (size_t)(end - start)) : NULL;
  if (stop == NULL) return NULL;
  *at = stop + 1;
  return start;
}

static char **list(char **at, char *end) {
  char *text = next(at, end);
  long count = text == NULL ? -1 : strtol(text, NULL, 10);
  if (count < 0 || count > end - *at) return NULL;
  char **words = calloc((size_t)count + 1, sizeof *words);
  for (long i = 0; words != NULL && i < count; i++)
    if ((words[i] = next(at, end)) == NULL) return NULL;
  return words;
}

static int parse(char *payload, size_t length, struct request *r) {
  char *at = payload, *end = payload + length;
  char **fields[] = {&r->claim, &r->exit_prefix, &r->log, &r->pod_directory, &r->cwd, &r->started_at, &r->error_file};
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
    if ((*fields[i] = next(&at, end)) == NULL) return -1;
  r->env = list(&at, end);
  r->argv = r->env == NULL ? NULL : list(&at, end);
  return r->argv == NULL || r->argv[0] == NULL ? -1 : 0;
}

static void start(char *payload, size_t length) {
  pid_t pid;
  /* Too many processes: later there may be room; a request must not be lost. */
  while ((pid = fork()) < 0) usleep(10000);
  if (pid != 0) return;
  struct request r;
  if (parse(payload, length, &r) != 0) _exit(2);
  supervise(&r);
}

static int serve(void) {
  signal(SIGCHLD, SIG_IGN);
  static char header[32];
  for (;;) {
    size_t at = 0;
    do {
      ssize_t got = read(0, header + at, 1);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return 0;
    } while (header[at++] != '\n' && at < sizeof header - 1);
    header[at] = 0;
    char *rest;
    unsigned long length = strtoul(header + 1, &rest, 10);
    if (header[0] != 'R' || *rest != '\n' || length > MAX_REQUEST) return 2;
    char *payload = malloc(length + 1);
    if (payload == NULL) return 1;
    for (size_t have = 0; have < length;) {
      ssize_t got = read(0, payload + have, length - have);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return 0;
      have += (size_t)got;
    }
    start(payload, length);
    free(payload);
  }
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "serve") == 0) return serve();
  if (argc == 2 && strcmp(argv[1], "version") == 0) return puts(PROTOCOL) < 0;
  fputs("usage: rondo-starter serve|version\n", stderr);
  return 2;
}
