/* Preloaded into a server that listens on every interface whatever it is told: it listens on the loopback only. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

typedef int (*bind_function)(int, const struct sockaddr *, socklen_t);

int bind(int socket, const struct sockaddr *address, socklen_t length) {
  bind_function next = (bind_function)dlsym(RTLD_NEXT, "bind");
  union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_storage room;
  } to;
  if (address == NULL || length > sizeof to) return next(socket, address, length);
  memcpy(&to, address, length);
  if (to.any.sa_family == AF_INET && to.v4.sin_addr.s_addr == htonl(INADDR_ANY))
    to.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  else if (to.any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&to.v6.sin6_addr))
    inet_pton(AF_INET6, "::ffff:127.0.0.1", &to.v6.sin6_addr);
  return next(socket, &to.any, length);
}
