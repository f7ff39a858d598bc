/* Shows the limit: the cost of the kernel's sockets for a server that does nothing else. Answers each read with the same bytes. */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static void check(int result, const char *what) {
  if (result >= 0) return;
  perror(what);
  exit(1);
}

int main(void) {
  static char bytes[65536];
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0), epoll = epoll_create1(0);
  check(bind(listener, (struct sockaddr *)&address, length), "bind");
  check(listen(listener, 1024), "listen");
  getsockname(listener, (struct sockaddr *)&address, &length);
  struct epoll_event events[1024], interest = {.events = EPOLLIN, .data.fd = listener};
  check(epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &interest), "epoll_ctl");
  printf("{\"port\":%d,\"started\":0}\n", ntohs(address.sin_port));
  fflush(stdout);
  for (;;) {
    int ready = epoll_wait(epoll, events, 1024, -1);
    for (int i = 0; i < ready; i++) {
      int fd = events[i].data.fd;
      if (fd == listener) {
        interest.data.fd = accept(listener, NULL, NULL);
        check(interest.data.fd, "accept");
        setsockopt(interest.data.fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        check(epoll_ctl(epoll, EPOLL_CTL_ADD, interest.data.fd, &interest), "epoll_ctl");
        continue;
      }
      ssize_t got = read(fd, bytes, sizeof bytes);
      if (got <= 0 || send(fd, bytes, (size_t)got, MSG_NOSIGNAL) != got) close(fd);
    }
  }
}
