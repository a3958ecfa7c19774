/* See netlink.h. */
#define _GNU_SOURCE
#include "netlink.h"
#include "shim.h"
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int netlink_open(int family) {
  int made = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, family);
  if (made < 0) fail("no netlink socket: %s", strerror(errno));
  return made;
}

static char *append(struct messages *messages, const void *data, size_t size) {
  size_t padded = NLMSG_ALIGN(size);
  if (messages->length + padded > sizeof messages->buffer) fail("a netlink message is too long");
  char *place = messages->buffer + messages->length;
  memset(place, 0, padded);
  if (size) memcpy(place, data, size);
  messages->length += padded;
  if (messages->current) messages->current->nlmsg_len = (unsigned)(messages->buffer + messages->length - (char *)messages->current);
  return place;
}

void netlink_begin(struct messages *messages, int type, int flags, const void *header, size_t size) {
  struct nlmsghdr made = {.nlmsg_type = (unsigned short)type, .nlmsg_flags = (unsigned short)(NLM_F_REQUEST | flags)};
  if (flags & NLM_F_ACK) messages->count++;
  messages->current = NULL;
  messages->current = (struct nlmsghdr *)append(messages, &made, sizeof made);
  append(messages, header, size);
}

void netlink_put(struct messages *messages, int type, const void *data, size_t size) {
  struct rtattr attribute = {(unsigned short)RTA_LENGTH(size), (unsigned short)type};
  append(messages, &attribute, sizeof attribute);
  append(messages, data, size);
}

void netlink_text(struct messages *messages, int type, const char *text) {
  netlink_put(messages, type, text, strlen(text) + 1);
}

size_t netlink_nest(struct messages *messages, int type, const void *data, size_t size) {
  size_t place = messages->length;
  netlink_put(messages, type, data, size);
  return place;
}

void netlink_end(struct messages *messages, size_t place) {
  struct rtattr *attribute = (struct rtattr *)(messages->buffer + place);
  attribute->rta_len = (unsigned short)(messages->length - place);
}

int netlink_send(int to, struct messages *messages) {
  char answers[16384] __attribute__((aligned(8)));
  int failure = 0;
  if (send(to, messages->buffer, messages->length, 0) < 0) return errno;
  for (int left = messages->count; left > 0;) {
    ssize_t got = recv(to, answers, sizeof answers, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    unsigned length = (unsigned)got;
    for (struct nlmsghdr *answer = (struct nlmsghdr *)answers; NLMSG_OK(answer, length); answer = NLMSG_NEXT(answer, length)) {
      if (answer->nlmsg_type != NLMSG_ERROR) continue;
      left--;
      int error = -((struct nlmsgerr *)NLMSG_DATA(answer))->error;
      if (error && !failure) failure = error;
    }
  }
  return failure;
}
