/*
 * rondo-terminal COMMAND [ARGUMENT]...
 *
 * Runs a command on a terminal of its own: what comes on descriptor 0 is typed there, what it shows goes to descriptor 1.
 * Lines "COLUMNS ROWS" on descriptor 3 set its size. Ends with the command's exit code, 128 + signal if one ended it; 126 or
 * 127 if it could not be started, as a shell. When nobody reads descriptor 1 any more, the terminal hangs up.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { INPUT = 0, OUTPUT = 1, SIZES = 3 };

static int fail(const char *what) {
  fprintf(stderr, "rondo-terminal: %s: %s\n", what, strerror(errno));
  return 126;
}

/* The child: the terminal becomes its own, and its only way to the outside. */
static void become(const char *name, char **command) {
  setsid();
  int terminal = open(name, O_RDWR);
  if (terminal < 0 || ioctl(terminal, TIOCSCTTY, 0) != 0) _exit(fail(name));
  for (int descriptor = 0; descriptor <= 2; descriptor++) dup2(terminal, descriptor);
  if (terminal > 2) close(terminal);
  close(SIZES);
  execvp(command[0], command);
  int missing = errno == ENOENT;
  fprintf(stderr, "%s: %s\r\n", command[0], strerror(errno));
  _exit(missing ? 127 : 126);
}

/* Takes whole lines; an incomplete one waits for its rest. False at the end. */
static int take_sizes(int terminal) {
  static char line[64];
  static size_t length = 0;
  ssize_t got = read(SIZES, line + length, sizeof line - 1 - length);
  if (got <= 0) return got < 0 && errno == EINTR;
  length += (size_t)got;
  line[length] = 0;
  for (char *end; (end = strchr(line, '\n')) != NULL;) {
    unsigned short columns, rows;
    if (sscanf(line, "%hu %hu", &columns, &rows) == 2) {
      struct winsize size = {.ws_row = rows, .ws_col = columns};
      ioctl(terminal, TIOCSWINSZ, &size);
    }
    length -= (size_t)(end + 1 - line);
    memmove(line, end + 1, length + 1);
  }
  if (length == sizeof line - 1) length = 0; /* no size is that long */
  return 1;
}

static int write_all(int to, const char *bytes, ssize_t count) {
  while (count > 0) {
    ssize_t written = write(to, bytes, (size_t)count);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return 0;
    bytes += written;
    count -= written;
  }
  return 1;
}

/* Carries bytes both ways until the terminal has no user, or nobody watches it. */
static void carry(int terminal) {
  char typed[4096], shown[65536];
  ssize_t waiting = 0; /* typed, but not yet taken by the terminal */
  struct pollfd from[3] = {{.fd = INPUT}, {.fd = terminal}, {.fd = SIZES, .events = POLLIN}};
  for (;;) {
    from[0].events = waiting == 0 ? POLLIN : 0;
    from[1].events = (short)(POLLIN | (waiting > 0 ? POLLOUT : 0));
    if (poll(from, 3, -1) < 0) {
      if (errno == EINTR) continue;
      return;
    }
    if (from[2].revents != 0 && !take_sizes(terminal)) from[2].fd = -1;
    if (waiting == 0 && from[0].revents != 0) {
      waiting = read(INPUT, typed, sizeof typed);
      if (waiting <= 0) from[0].fd = -1, waiting = 0;
    }
    if (waiting > 0) {
      ssize_t taken = write(terminal, typed, (size_t)waiting);
      if (taken > 0) memmove(typed, typed + taken, (size_t)(waiting -= taken));
    }
    if (from[1].revents & (POLLIN | POLLHUP | POLLERR)) {
      ssize_t got = read(terminal, shown, sizeof shown);
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      if (got <= 0 || !write_all(OUTPUT, shown, got)) return;
    }
  }
}

int main(int count, char **words) {
  if (count < 2) return 126;
  signal(SIGPIPE, SIG_IGN);
  int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (terminal < 0 || grantpt(terminal) != 0 || unlockpt(terminal) != 0) return fail("no terminal");
  char name[64];
  if (ptsname_r(terminal, name, sizeof name) != 0) return fail("no terminal");
  /* Held open until the command has it, so that the terminal does not seem to have lost its user before. */
  int held = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
  pid_t child = fork();
  if (child < 0) return fail("fork");
  if (child == 0) become(name, words + 1);
  close(held);
  fcntl(terminal, F_SETFL, O_NONBLOCK);
  carry(terminal);
  close(terminal);
  int status;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return fail("wait");
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
