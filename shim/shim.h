/* What the files of the shim share. */
#ifndef RONDO_SHIM_H
#define RONDO_SHIM_H

struct operation {
  const char *name;
  const char *words[3];
};

struct container {
  const char *claim, *exit_prefix, *log, *error, *started, *alive;
  const char *base, *lower, *hostname, *cwd, *uid, *gid, *groups, *caps, *new_namespaces, *input;
  const char *readonly, *nnp, *seccomp, *protect, *loopback, *endless;
  struct operation operations[512];
  int count;
  char **command;
};

extern struct container container;
/* Where `fail` tells why; standard error where a person waits. */
extern int error_pipe;
/* What comes before it, and makes it a line; none: the text alone. */
extern const char *error_prefix;

void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* root.c: cgroups, host name, mounts; ends in the new root. */
void enter_root(void);
/* privileges.c: gives up what the container must not have. */
void drop_privileges(void);
/* command.c: working directory, environment, execve. */
void run_command(void) __attribute__((noreturn));
/* command.c: the same in a directory that is entered already. */
void run_inside(void) __attribute__((noreturn));
/* exec.c: runs the command in a running container; gives its exit code. */
int exec_in(const char *pid);
/* network.c: the arguments after `network`; gives the exit code. */
int network(int count, char **words);
/* seccomp.c */
void install_seccomp(void);
/* root.c */
void join_namespace(const struct operation *operation);
void make_directories(const char *path);

#endif
