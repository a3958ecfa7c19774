/* Messages to the kernel's network configuration (rtnetlink, nf_tables). */
#ifndef RONDO_NETLINK_H
#define RONDO_NETLINK_H

#include <linux/netlink.h>
#include <stddef.h>

/* Several messages in one buffer, each asking for an answer. */
struct messages {
  char buffer[8192] __attribute__((aligned(8)));
  size_t length;
  struct nlmsghdr *current;
  int count;
};

/* Gives a socket of the namespace that the process is in now. */
int netlink_open(int family);
void netlink_begin(struct messages *messages, int type, int flags, const void *header, size_t size);
void netlink_put(struct messages *messages, int type, const void *data, size_t size);
void netlink_text(struct messages *messages, int type, const char *text);
/* Gives the place of a nested attribute, for `netlink_end`. */
size_t netlink_nest(struct messages *messages, int type, const void *data, size_t size);
void netlink_end(struct messages *messages, size_t place);
/* Sends all; gives 0, or the first error as a positive number. */
int netlink_send(int socket, struct messages *messages);

#endif
