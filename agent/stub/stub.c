// rdev-stub: stands on the agent's port in a job until a laptop brings the agent, then becomes it.
//
//   rdev-stub probe                 exits with 0: programs can run where this file is
//   rdev-stub fifo PATH             makes a FIFO, mode 0600
//   rdev-stub serve PORT SHA256 SIZE WAIT LIFETIME INSTANCE end|go DIRECTORY...
//
// `serve` tells each client "rdev-stub 1 SHA256 SIZE\n", takes SIZE bytes from it, and says "ok\n"
// when they have that SHA-256, else "wrong\n". It takes nothing else, no options and no keys: the
// configuration comes over its stdin, which it does not read, and goes to the agent with descriptor
// 3, where the agent says that it is up. When nobody has come for WAIT seconds it ends with 75
// (`end`), or says "later\n" on descriptor 3 and stays (`go`) until LIFETIME seconds (0: for ever)
// are over. The agent runs from memory, or else from the first DIRECTORY that it can run in.

#include "agent/stub/sha256.h"
#include "agent/stub/system.h"

enum { kClients = 4, kIdle = 10, kReady = 3, kNobodyCame = 75, kCannotRun = 76, kBadUse = 2 };

struct Client {
  int fd;  // 0: none
  u64 got;
  long heard;  // now_s() of its last byte
  u8* bytes;
};

static struct Client clients[kClients];
static char** environment;
static char** words;  // of the command line, from PORT on
static u64 agent_size;
static int listener;

static u64 number(const char* text) {
  u64 value = 0;
  for (; *text >= '0' && *text <= '9'; ++text) {
    value = value * 10 + (u64)(*text - '0');
  }
  return value;
}

static int write_all(int fd, const u8* bytes, u64 size) {
  while (size > 0) {
    const long n = sys_write(fd, bytes, size);
    if (n <= 0 && n != kIntr) {
      return 0;
    }
    bytes += n > 0 ? n : 0;
    size -= n > 0 ? (u64)n : 0;
  }
  return 1;
}

// Returns only when it could not.
static void execute(int fd) {
  char descriptor[2] = {(char)('0' + listener), '\0'};
  char* arguments[] = {"rdev-agent", "serve",  "--config",   "-", "--listen-fd", descriptor,
                       "--instance", words[5], "--ready-fd", "3", NULL};
  CALL(SYS_fcntl, listener, F_SETFD, 0, 0);
  call6(SYS_execveat, fd, (long)"", (long)arguments, (long)environment, 0x1000 /* AT_EMPTY_PATH */,
        0);
}

static void execute_in_memory(const u8* bytes) {
  long fd =
      CALL(SYS_memfd_create, "rdev-agent", MFD_CLOEXEC | 0x10U /* MFD_EXEC, Linux 6.3 */, 0, 0);
  if (fd == kInval) {
    fd = CALL(SYS_memfd_create, "rdev-agent", MFD_CLOEXEC, 0, 0);
  }
  if (fd >= 0 && write_all((int)fd, bytes, agent_size)) {
    execute((int)fd);
  }
  if (fd >= 0) {
    sys_close((int)fd);
  }
}

// In a file that has no name any more when it runs.
static void execute_in(const char* directory, const u8* bytes) {
  const char* name = ".rdev-agent";
  const long at = CALL(SYS_open, directory, O_DIRECTORY | O_CLOEXEC, 0, 0);
  CALL(SYS_unlinkat, at, name, 0, 0);
  const long out = CALL(SYS_openat, at, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
  if (out < 0) {
    return;
  }
  const int written = write_all((int)out, bytes, agent_size);
  sys_close((int)out);
  const long program = CALL(SYS_openat, at, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);
  CALL(SYS_unlinkat, at, name, 0, 0);
  if (written && program >= 0) {
    execute((int)program);
  }
}

_Noreturn static void become(const u8* bytes) {
  execute_in_memory(bytes);
  for (char** place = words + 7; *place != NULL; ++place) {
    execute_in(*place, bytes);
  }
  say(2,
      "rdev: nothing in this container can run the agent, no memory and no directory. Use "
      "--inject path:FILE (in a storage) or --inject image\n");
  sys_exit(kCannotRun);
}

static void drop(struct Client* client) {
  sys_close(client->fd);
  CALL(SYS_munmap, client->bytes, agent_size, 0, 0);
  client->fd = 0;
}

static void tell(const struct Client* client, const char* text) {
  CALL(SYS_sendto, client->fd, text, length(text), 0x4040 /* MSG_NOSIGNAL | MSG_DONTWAIT */);
}

static void finish(struct Client* client) {
  char hash[65];
  sha256_hex(client->bytes, agent_size, hash);
  hash[64] = '\0';
  if (!same(hash, words[1])) {
    tell(client, "wrong\n");
    drop(client);
    return;
  }
  tell(client, "ok\n");
  become(client->bytes);
}

static void receive(struct Client* client) {
  const long n =
      CALL(SYS_read, client->fd, client->bytes + client->got, agent_size - client->got, 0);
  if (n == kIntr || n == kAgain) {
    return;
  }
  if (n <= 0) {
    drop(client);
    return;
  }
  client->got += (u64)n;
  client->heard = now_s();
  if (client->got == agent_size) {
    finish(client);
  }
}

// A newcomer takes the place of who has been silent for longest.
static void welcome(void) {
  // SOCK_NONBLOCK | SOCK_CLOEXEC
  const long fd = CALL(SYS_accept4, listener, 0, 0, 0x80800);
  if (fd < 0) {
    return;
  }
  struct Client* place = &clients[0];
  for (int i = 1; i < kClients && place->fd != 0; ++i) {
    if (clients[i].fd == 0 || clients[i].heard < place->heard) {
      place = &clients[i];
    }
  }
  if (place->fd != 0) {
    drop(place);
  }
  // PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
  place->bytes = (u8*)call6(SYS_mmap, 0, (long)agent_size, 3, 0x4022, -1, 0);
  if ((u64)place->bytes > (u64)-4096) {
    sys_close((int)fd);
    return;
  }
  place->fd = (int)fd;
  place->got = 0;
  place->heard = now_s();
  tell(place, "rdev-stub 1 ");
  tell(place, words[1]);
  tell(place, " ");
  tell(place, words[2]);
  tell(place, "\n");
}

static int listen_on(u64 port) {
  const u8 address[16] = {2 /* AF_INET */, 0, (u8)(port >> 8), (u8)port};
  const int on = 1;
  const long fd = CALL(SYS_socket, 2, 1 /* SOCK_STREAM */ | 0x80000 /* SOCK_CLOEXEC */, 0, 0);
  call6(SYS_setsockopt, fd, 1 /* SOL_SOCKET */, 2 /* SO_REUSEADDR */, (long)&on, sizeof on, 0);
  if (fd < 0 || fd > 9 || CALL(SYS_bind, fd, address, sizeof address, 0) < 0 ||
      CALL(SYS_listen, fd, 64, 0, 0) < 0) {
    say(2, "rdev: cannot listen on the job's port ");
    say(2, words[0]);
    say(2, "\n");
    sys_exit(1);
  }
  return (int)fd;
}

// Seconds until something is due; clients that are silent for too long are dropped on the way.
static long next_due(long now, long due) {
  long left = due - now;
  for (int i = 0; i < kClients; ++i) {
    if (clients[i].fd != 0 && now - clients[i].heard >= kIdle) {
      drop(&clients[i]);
    }
    if (clients[i].fd != 0 && clients[i].heard + kIdle - now < left) {
      left = clients[i].heard + kIdle - now;
    }
  }
  return left < 0 ? 0 : left > 3600 ? 3600 : left;
}

_Noreturn static void serve(void) {
  const long began = now_s();
  const u64 lifetime = number(words[4]);
  const long end = lifetime == 0 ? began + (1L << 40) : began + (long)lifetime;
  long due = began + (long)number(words[3]);
  int waits_on = 0;
  for (;;) {
    const long left = next_due(now_s(), due < end ? due : end);
    struct pollfd ready[kClients + 1] = {{.fd = listener, .events = POLLIN, .revents = 0}};
    for (int i = 0; i < kClients; ++i) {
      ready[i + 1].fd = clients[i].fd != 0 ? clients[i].fd : -1;
      ready[i + 1].events = POLLIN;
    }
    const long n = CALL(SYS_poll, ready, kClients + 1, left * 1000 + (left == 0), 0);
    for (int i = 0; n > 0 && i < kClients; ++i) {
      if (clients[i].fd != 0 && ready[i + 1].revents != 0) {
        receive(&clients[i]);
      }
    }
    if (n > 0 && ready[0].revents != 0) {
      welcome();
    }
    const long now = now_s();
    if (now >= end) {
      sys_exit(0);
    }
    if (now >= due && !waits_on) {
      if (same(words[6], "end")) {
        say(2, "rdev: nobody came to bring the agent: the job ends (rdev up --attach-timeout)\n");
        sys_exit(kNobodyCame);
      }
      say(kReady, "later\n");
      waits_on = 1;
      due = end;
    }
  }
}

int main(int count, char** arguments, char** variables) {
  environment = variables;
  if (count == 2 && same(arguments[1], "probe")) {
    return 0;
  }
  if (count == 3 && same(arguments[1], "fifo")) {
    return CALL(SYS_mknod, arguments[2], 0010600, 0, 0) < 0;
  }
  if (count < 9 || !same(arguments[1], "serve")) {
    return kBadUse;
  }
  words = arguments + 2;
  agent_size = number(words[2]);
  listener = listen_on(number(words[0]));
  serve();
}

// What the kernel starts: argc, argv and the environment are on the stack.
__attribute__((naked, used)) void _start(void) {
  __asm__(
      "mov (%rsp), %rdi; lea 8(%rsp), %rsi; lea 16(%rsp,%rdi,8), %rdx; and $-16, %rsp;"
      "call main; mov %eax, %edi; mov $231, %eax; syscall");
}
