// The one program of an image without a shell: static, no libc of the image's.
//   app              waits for ever
//   app args WORD…   prints each as <WORD>
//   app exit N
//   app http PORT    serves GET on 127.0.0.1, announces "serving PORT"
//   app count PORT   on 127.0.0.1: reads to the end of file, then answers how many bytes that were
//   app env NAME     prints the variable
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void answer(int s) {
  static const char page[] = "HTTP/1.0 200 OK\r\n\r\nhello from the job\n";
  char request[4096];
  if (read(s, request, sizeof request) > 0) {
    (void)!write(s, page, sizeof page - 1);
  }
}

static void count(int s) {
  static char block[65536];
  long long bytes = 0;
  for (ssize_t n; (n = read(s, block, sizeof block)) > 0;) {
    bytes += n;
  }
  dprintf(s, "%lld", bytes);
}

static int serve(int port, void (*each)(int)) {
  int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 16)) {
    perror("listen");
    return 1;
  }
  printf("serving %d\n", port);
  fflush(stdout);
  for (;;) {
    int s = accept(listener, 0, 0);
    if (s >= 0) {
      each(s);
      close(s);
    }
  }
}

int main(int argc, char **argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (argc > 2 && !strcmp(argv[1], "http")) {
    return serve(atoi(argv[2]), answer);
  }
  if (argc > 2 && !strcmp(argv[1], "count")) {
    return serve(atoi(argv[2]), count);
  }
  if (argc > 2 && !strcmp(argv[1], "exit")) {
    return atoi(argv[2]);
  }
  if (argc > 2 && !strcmp(argv[1], "env")) {
    const char *value = getenv(argv[2]);
    return value ? puts(value) < 0 : 1;
  }
  if (argc > 1 && !strcmp(argv[1], "args")) {
    for (int i = 2; i < argc; i++) {
      printf("<%s>", argv[i]);
    }
    puts("");
    return 0;
  }
  for (;;) {
    pause();
  }
}
