/* The container's root file system: an overlay whose writes go to a tmpfs that vanishes with the mount namespace. */
#define _GNU_SOURCE
#include "shim.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static int root = -1;

void join_namespace(const struct operation *operation) {
  int file = open(operation->words[1], O_RDONLY | O_CLOEXEC);
  if (file < 0 || setns(file, 0) != 0) fail("cannot join the Pod's %s namespace: %s", operation->words[0], strerror(errno));
  close(file);
}

/* Resolves inside the container's root: no link of an image leads out of it. */
static int open_in_root(const char *path, int flags) {
  struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
  return (int)syscall(SYS_openat2, root, path, &how, sizeof how);
}

static int parent_in_root(const char *path, char *copy, size_t size) {
  if (strlen(path) >= size) fail("path too long: %s", path);
  strcpy(copy, path);
  char *slash = strrchr(copy, '/');
  if (slash == NULL || slash == copy) return open_in_root("/", O_PATH | O_DIRECTORY);
  *slash = 0;
  return open_in_root(copy, O_PATH | O_DIRECTORY);
}

static int open_or_make(const char *path, int directory);

static void make_in_root(const char *path, int directory) {
  char copy[4096];
  int parent = parent_in_root(path, copy, sizeof copy);
  if (parent < 0 && errno == ENOENT) parent = open_or_make(copy, 1); /* may end in a link */
  if (parent < 0) fail("mount path %s: %s", path, strerror(errno));
  const char *name = strrchr(path, '/') + 1;
  if (directory) {
    if (mkdirat(parent, name, 0755) != 0 && errno != EEXIST) fail("mount path %s: mkdir: %s", path, strerror(errno));
  } else {
    int file = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (file < 0) fail("mount path %s: create: %s", path, strerror(errno));
    close(file);
  }
  close(parent);
}

/* Where a link points whose target is missing, as a path in the root; 0 if the path is no link. */
static int follow_link(const char *path, char *target, size_t size) {
  char parent[4096], link[4096];
  int place = parent_in_root(path, parent, sizeof parent);
  ssize_t length = place < 0 ? -1 : readlinkat(place, strrchr(path, '/') + 1, link, sizeof link - 1);
  if (place >= 0) close(place);
  if (length <= 0) return 0;
  link[length] = 0;
  int written = link[0] == '/' ? snprintf(target, size, "%s", link) : snprintf(target, size, "%s/%s", parent, link);
  return written < (int)size;
}

static int open_or_make(const char *path, int directory) {
  static int links = 0;
  char target[8192];
  int place = open_in_root(path, O_PATH);
  if (place >= 0) return place;
  if (errno != ENOENT) fail("mount path %s: %s", path, strerror(errno));
  if (follow_link(path, target, sizeof target)) {
    if (++links > 40) fail("mount path %s: too many links", path);
    return open_or_make(target, directory);
  }
  make_in_root(path, directory);
  place = open_in_root(path, O_PATH);
  if (place < 0) fail("mount path %s: %s", path, strerror(errno));
  return place;
}

static void mount_at(const char *path, int directory, const char *source, const char *type, unsigned long mount_flags, const char *options) {
  int place = open_or_make(path, directory);
  char target[64];
  snprintf(target, sizeof target, "/proc/self/fd/%d", place);
  if (mount(source, target, type, mount_flags, options) != 0) fail("cannot mount %s at %s: %s", source, path, strerror(errno));
  close(place);
}

/* Flags of the mount that is bound must be kept, or the kernel refuses where they are locked. */
static void make_read_only(const char *path) {
  int place = open_in_root(path, O_PATH);
  char target[64];
  snprintf(target, sizeof target, "/proc/self/fd/%d", place);
  struct mount_attribute { unsigned long long set, clear, propagation, user; } attribute = {1 /* MOUNT_ATTR_RDONLY */, 0, 0, 0};
  if (place < 0 || syscall(442 /* mount_setattr */, place, "", 0x1000 /* AT_EMPTY_PATH */ | 0x8000 /* AT_RECURSIVE */, &attribute, sizeof attribute) != 0) {
    if (mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) != 0) fail("%s cannot be made read-only: %s", path, strerror(errno));
  }
  close(place);
}

static void bind_mount(const char *source, const char *target, const char *options) {
  struct stat stat_of;
  if (stat(source, &stat_of) != 0) fail("cannot mount %s: %s", source, strerror(errno));
  mount_at(target, S_ISDIR(stat_of.st_mode), source, NULL, MS_BIND | (strchr(options, 'R') ? MS_REC : 0), NULL);
  if (strchr(options, 'r')) make_read_only(target);
}

static void make_devices(const char *path) {
  mount_at(path, 1, "tmpfs", "tmpfs", MS_NOSUID, "mode=755,size=64k");
  int place = open_in_root(path, O_PATH | O_DIRECTORY);
  static const struct { const char *name; int major, minor; } nodes[] = {
      {"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};
  umask(0);
  for (size_t at = 0; at < sizeof nodes / sizeof *nodes; at++)
    if (mknodat(place, nodes[at].name, S_IFCHR | 0666, makedev(nodes[at].major, nodes[at].minor)) != 0)
      fail("cannot make /dev/%s: %s", nodes[at].name, strerror(errno));
  umask(022);
  static const char *links[][2] = {{"/proc/self/fd", "fd"}, {"/proc/self/fd/0", "stdin"}, {"/proc/self/fd/1", "stdout"},
                                   {"/proc/self/fd/2", "stderr"}, {"pts/ptmx", "ptmx"}};
  for (size_t at = 0; at < sizeof links / sizeof *links; at++)
    if (symlinkat(links[at][0], place, links[at][1]) != 0) fail("cannot make /dev/%s: %s", links[at][1], strerror(errno));
  close(place);
  mount_at("/dev/pts", 1, "devpts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620");
}

static void touch(const char *path) {
  int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (file < 0) fail("cannot make %s: %s", path, strerror(errno));
  if (fchmod(file, 0666) != 0) fail("cannot open %s to the container: %s", path, strerror(errno));
  close(file);
}

void make_directories(const char *path) {
  char copy[4096];
  if (strlen(path) >= sizeof copy) fail("path too long: %s", path);
  strcpy(copy, path);
  for (char *at = copy + 1; *at; at++) {
    if (*at != '/') continue;
    *at = 0;
    mkdir(copy, 0755);
    *at = '/';
  }
  mkdir(copy, 0755);
}

/* After the change of root, so that links lead nowhere else. */
static void write_file(const char *path, const char *content) {
  char copy[4096];
  if (strlen(path) >= sizeof copy) fail("path too long: %s", path);
  strcpy(copy, path);
  *strrchr(copy, '/') = 0;
  if (*copy) make_directories(copy);
  int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0 || write(file, content, strlen(content)) != (ssize_t)strlen(content)) fail("cannot write %s: %s", path, strerror(errno));
  close(file);
}

static void make_overlay(void) {
  char path[4096], options[16384];
  if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) != 0) fail("cannot leave the host's mounts: %s", strerror(errno));
  if (mount("tmpfs", container.base, "tmpfs", 0, "mode=0711") != 0) fail("cannot mount a tmpfs: %s", strerror(errno));
  static const char *names[] = {"upper", "work", "root"};
  for (int at = 0; at < 3; at++) {
    snprintf(path, sizeof path, "%s/%s", container.base, names[at]);
    if (mkdir(path, 0755) != 0) fail("cannot make %s: %s", path, strerror(errno));
  }
  int length = snprintf(options, sizeof options, "lowerdir=%s,upperdir=%s/upper,workdir=%s/work", container.lower, container.base, container.base);
  if (length >= (int)sizeof options) fail("the image has too many layers");
  if (mount("overlay", path, "overlay", 0, options) != 0) fail("cannot mount the overlay: %s", strerror(errno));
  root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) fail("cannot open the root: %s", strerror(errno));
}

/* What the kernel shows of the whole machine: not for containers, as in OCI's defaults. */
static void protect(void) {
  static const char *hidden[] = {"/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sched_debug", "/proc/acpi", "/proc/scsi", "/sys/firmware"};
  static const char *fixed[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
  struct stat stat_of;
  for (size_t at = 0; at < sizeof hidden / sizeof *hidden; at++) {
    if (stat(hidden[at], &stat_of) != 0) continue;
    int done = S_ISDIR(stat_of.st_mode) ? mount("tmpfs", hidden[at], "tmpfs", MS_RDONLY, "size=0") : mount("/dev/null", hidden[at], NULL, MS_BIND, NULL);
    if (done != 0) fail("cannot hide %s: %s", hidden[at], strerror(errno));
  }
  for (size_t at = 0; at < sizeof fixed / sizeof *fixed; at++) {
    if (stat(fixed[at], &stat_of) != 0) continue;
    if (mount(fixed[at], fixed[at], NULL, MS_BIND | MS_REC, NULL) != 0 ||
        mount(NULL, fixed[at], NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0)
      fail("cannot protect %s: %s", fixed[at], strerror(errno));
  }
}

static void enter_cgroup(const char *file) {
  int procs = open(file, O_WRONLY | O_CLOEXEC);
  if (procs < 0 || write(procs, "0", 1) != 1) fail("cannot enter the cgroup %s: %s", file, strerror(errno));
  close(procs);
}

static void join_namespaces(void) {
  for (int at = 0; at < container.count; at++) {
    const struct operation *operation = &container.operations[at];
    if (strcmp(operation->name, "join") == 0 && strcmp(operation->words[0], "pid") != 0) join_namespace(operation);
  }
}

static void loopback_up(void) {
  struct ifreq request = {.ifr_flags = IFF_UP | IFF_RUNNING};
  strcpy(request.ifr_name, "lo");
  int made = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (made < 0 || ioctl(made, SIOCSIFFLAGS, &request) != 0) fail("loopback cannot be set up: %s", strerror(errno));
  close(made);
}

static void apply(const struct operation *operation) {
  const char *name = operation->name, *const *words = operation->words;
  if (strcmp(name, "cgroup") == 0) enter_cgroup(words[0]);
  else if (strcmp(name, "touch") == 0) touch(words[0]);
  else if (strcmp(name, "bind") == 0) bind_mount(words[0], words[1], words[2]);
  else if (strcmp(name, "tmpfs") == 0) mount_at(words[0], 1, "tmpfs", "tmpfs", MS_NOSUID | MS_NODEV, words[1]);
  else if (strcmp(name, "proc") == 0) mount_at(words[0], 1, "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
  else if (strcmp(name, "sys") == 0)
    mount_at(words[0], 1, "sysfs", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | (strcmp(words[1], "ro") == 0 ? MS_RDONLY : 0), NULL);
  else if (strcmp(name, "dev") == 0) make_devices(words[0]);
}

void enter_root(void) {
  join_namespaces();
  if (container.hostname && sethostname(container.hostname, strlen(container.hostname)) != 0) fail("cannot set the host name: %s", strerror(errno));
  if (container.loopback) loopback_up();
  /* A container without mounts of its own is a Pod's pause. */
  if (container.base) make_overlay();
  for (int at = 0; at < container.count; at++) apply(&container.operations[at]);
  if (!container.base) return;
  if (fchdir(open_in_root("/", O_RDONLY | O_DIRECTORY)) != 0 || syscall(SYS_pivot_root, ".", ".") != 0 || umount2(".", MNT_DETACH) != 0 || chdir("/") != 0)
    fail("cannot enter the root: %s", strerror(errno));
  for (int at = 0; at < container.count; at++)
    if (strcmp(container.operations[at].name, "file") == 0) write_file(container.operations[at].words[0], container.operations[at].words[1]);
  if (container.protect) protect();
  if (container.cwd) make_directories(container.cwd);
  if (container.readonly && mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) != 0) fail("the root cannot be made read-only: %s", strerror(errno));
}
