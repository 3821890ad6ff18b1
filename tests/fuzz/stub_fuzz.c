// The whole stub in a kernel of a few lines: clients come, send right and wrong bytes in pieces,
// hang up and fall silent as the input says. It becomes the agent if and only if one has sent the
// agent's bytes, keeps to its times, never touches what it has closed, and holds memory for four.

#define _GNU_SOURCE

#include <openssl/sha.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RDEV_OWN_KERNEL
static long call6(long number, long a, long b, long c, long d, long e, long f);
#define main stub_main
#define _start stub_start
#include "agent/stub/stub.c"
#undef main
#undef _start

enum {
  kWait = 20,
  kLifetime = 50,
  kFirst = 10,
  kMost = 256,
  kListener = 5,
  kMemory = 6,
  kFile = 7
};
enum { kExecuted = 1, kOver, kEnded };  // how a run comes back: a longjmp's value

struct Connection {
  char is_open, has_ended;
  long heard;
  int wrong_at;    // the byte that is another one; -1: none
  long next;       // what the next read(2) gives: bytes, 0 the end, or an error
  u64 sent;        // of the agent
  u8* memory;      // that the stub has for it
  char told[128];  // by the stub
};

static struct Connection connections[kMost];
static int accepted, arriving, is_listening, exit_code, mapped;
static const uint8_t *input, *input_end;
static u8 agent[kMost], written[kMost];
static u64 written_size;
static long clock_s;
static char hash[65], size_text[8];
static uint8_t trouble;  // bits: memfd_create knows no MFD_EXEC, is forbidden, nothing executes
static jmp_buf over;

static void require(int fact) {
  if (!fact) {
    abort();
  }
}

static int next_byte(void) {
  if (input == input_end) {
    longjmp(over, kOver);
  }
  return *input++;
}

static struct Connection* connection(long fd) {
  require(fd >= kFirst && fd < kFirst + accepted && connections[fd - kFirst].is_open);
  return &connections[fd - kFirst];
}

static long accept_one(void) {
  require(arriving);
  arriving = 0;
  if (accepted == kMost) {
    longjmp(over, kOver);
  }
  const int how = next_byte();
  if (how == 255) {
    return kAgain;
  }
  connections[accepted] =
      (struct Connection){.is_open = 1, .heard = clock_s, .wrong_at = how < 128 ? -1 : how - 128};
  return kFirst + accepted++;
}

// Nobody waits for longer than he may.
static void require_right_limit(const struct pollfd* polled, long limit_ms) {
  const long end = words[6][0] == 'g' && clock_s >= kWait ? kLifetime : kWait;
  require(clock_s < end);
  long left = end - clock_s;
  for (int i = 1; i <= kClients; ++i) {
    if (polled[i].fd >= 0) {
      const struct Connection* one = connection(polled[i].fd);
      require(!one->has_ended && clock_s - one->heard < kIdle);
      left = one->heard + kIdle - clock_s < left ? one->heard + kIdle - clock_s : left;
    }
  }
  require(limit_ms == left * 1000);
}

// One thing happens: the clock goes on, somebody comes, or one of the four does something.
static long poll_one(struct pollfd* polled, long count, long limit_ms) {
  require(count == kClients + 1 && polled[0].fd == kListener && is_listening);
  require_right_limit(polled, limit_ms);
  const int what = next_byte();
  const int much = what / 8;
  struct pollfd* one = &polled[1 + much % kClients];
  if (what % 8 == 0) {
    clock_s += much < limit_ms / 1000 ? much : limit_ms / 1000;
    return 0;
  }
  if (what % 8 == 1 || one->fd < 0) {
    arriving = polled[0].revents = POLLIN;
    return 1;
  }
  struct Connection* from = connection(one->fd);
  const long kinds[] = {1, next_byte() + 1, kMost, 0, kAgain, -104 /* ECONNRESET */};
  from->next = kinds[what % 8 - 2];
  one->revents = POLLIN;
  return 1;
}

static long read_from(struct Connection* from, u8* to, long room) {
  require(room > 0 && from->sent + (u64)room == agent_size && to == from->memory + from->sent);
  const long n = from->next < room ? from->next : room;
  for (long i = 0; i < n; ++i) {
    const u64 at = from->sent++;
    to[i] = (u8)(agent[at] ^ ((int)at == from->wrong_at));
  }
  from->has_ended = n <= 0 && n != kAgain;
  from->heard = n > 0 ? clock_s : from->heard;
  return n;
}

static long send_to(struct Connection* to, const char* text, long size) {
  const size_t old = strlen(to->told);
  require(old + (size_t)size < sizeof to->told);
  memcpy(to->told + old, text, (size_t)size);
  return size;
}

static void require_right_end(const struct Connection* one) {
  char greeting[128];
  const int n = snprintf(greeting, sizeof greeting, "rdev-stub 1 %s %s\n", hash, size_text);
  require(one->memory == NULL || strncmp(one->told, greeting, (size_t)n) == 0);
  const int is_whole = one->sent == agent_size;
  const int is_right = one->wrong_at < 0 || (u64)one->wrong_at >= agent_size;
  const char* answer = one->memory == NULL ? "" : one->told + n;
  require(strcmp(answer, !is_whole ? "" : is_right ? "ok\n" : "wrong\n") == 0);
}

// It may be silent for too long, or for longest when a fifth has come.
static void require_right_victim(const struct Connection* one) {
  int open = 0;
  for (int i = 0; i < accepted; ++i) {
    open += connections[i].is_open;
    require(clock_s - one->heard >= kIdle || !connections[i].is_open ||
            connections[i].heard >= one->heard);
  }
  require(clock_s - one->heard >= kIdle || open == kClients + 1);
}

static long close_one(long fd) {
  if (fd >= kFirst) {
    struct Connection* one = connection(fd);
    require_right_end(one);
    if (one->memory != NULL && !one->has_ended && one->sent < agent_size) {
      require_right_victim(one);
    }
    one->is_open = 0;
  }
  return 0;
}

static long map(long size) {
  require((u64)size == agent_size && mapped < kClients);
  if (accepted % 8 == 7) {
    return -12;  // ENOMEM
  }
  ++mapped;
  return (long)(connections[accepted - 1].memory = malloc((size_t)size));
}

static long unmap(u8* memory, long size) {
  require((u64)size == agent_size && mapped-- > 0);
  free(memory);
  return 0;
}

static long execute_it(long fd) {
  require(fd == kMemory || trouble & 6);
  require(written_size == agent_size && memcmp(written, agent, agent_size) == 0);
  if (trouble & 4) {
    return -13;  // EACCES
  }
  longjmp(over, kExecuted);
}

static long write_to(long fd, const u8* bytes, long size) {
  if (fd == 2 || fd == kReady) {
    return size;
  }
  require((fd == kMemory || fd == kFile) && written_size + (u64)size <= kMost);
  const long n = size > 100 ? 100 : size;
  memcpy(written + written_size, bytes, (size_t)n);
  written_size += (u64)n;
  return n;
}

static long new_memory(unsigned flags) {
  if (trouble & 2) {
    return -38;  // ENOSYS
  }
  if (trouble & 1 && flags != MFD_CLOEXEC) {
    return kInval;
  }
  written_size = 0;
  return kMemory;
}

static long open_file(long flags) {
  written_size = flags & O_CREAT ? 0 : written_size;
  return kFile;
}

static long call6(long number, long a, long b, long c, long d, long e, long f) {
  (void)d, (void)e, (void)f;
  switch (number) {
    case SYS_socket:
      return kListener;
    case SYS_listen:
      is_listening = 1;
      return 0;
    case SYS_clock_gettime:
      *(long*)b = clock_s;
      return 0;
    case SYS_poll:
      return poll_one((struct pollfd*)a, b, c);
    case SYS_accept4:
      return accept_one();
    case SYS_mmap:
      return map(b);
    case SYS_munmap:
      return unmap((u8*)a, b);
    case SYS_read:
      return read_from(connection(a), (u8*)b, c);
    case SYS_sendto:
      return send_to(connection(a), (const char*)b, c);
    case SYS_close:
      return close_one(a);
    case SYS_write:
      return write_to(a, (const u8*)b, c);
    case SYS_memfd_create:
      return new_memory((unsigned)b);
    case SYS_openat:
      return open_file(c);
    case SYS_execveat:
      return execute_it(a);
    case SYS_exit_group:
      exit_code = (int)a;
      longjmp(over, kEnded);
    default:
      require(number == SYS_setsockopt || number == SYS_bind || number == SYS_fcntl ||
              number == SYS_open || number == SYS_unlinkat);
      return 0;
  }
}

static void check(int way, int stays) {
  const struct Connection* winner = NULL;
  for (int i = 0; i < accepted; ++i) {
    if (connections[i].is_open) {
      require_right_end(&connections[i]);
      winner = strstr(connections[i].told, "ok\n") != NULL ? &connections[i] : winner;
    }
  }
  const int could_not_run = way == kEnded && exit_code == kCannotRun;
  require((winner != NULL) == (way == kExecuted || could_not_run));
  require(!could_not_run || (trouble & 4) != 0);
  if (way == kEnded && !could_not_run) {
    require(exit_code == (stays ? 0 : 75) && clock_s >= (stays ? kLifetime : kWait));
  }
}

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

// The agent's size and contents, the trouble and the mode; then what happens.
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3) {
    return 0;
  }
  memset(clients, 0, sizeof clients);
  memset(connections, 0, sizeof connections);
  accepted = arriving = is_listening = exit_code = mapped = 0;
  clock_s = 0;
  input = data + 3;
  input_end = data + size;
  trouble = data[2];
  const u64 agent_bytes = data[0] + 1U;
  for (u64 i = 0; i < agent_bytes; ++i) {
    agent[i] = (u8)(i * 31 + data[1]);
  }
  u8 digest[SHA256_DIGEST_LENGTH];
  SHA256(agent, agent_bytes, digest);
  for (int i = 0; i < SHA256_DIGEST_LENGTH; ++i) {
    snprintf(hash + 2 * i, 3, "%02x", digest[i]);
  }
  snprintf(size_text, sizeof size_text, "%u", (unsigned)agent_bytes);
  const int stays = data[2] >> 7;
  char* variables[] = {NULL};
  char* arguments[] = {"rdev-stub",          "serve", "4711", hash, size_text, "20", "50", "0",
                       stays ? "go" : "end", "/tmp",  "/",    NULL};
  const int way = setjmp(over);
  if (way == 0) {
    stub_main(11, arguments, variables);
    abort();
  }
  check(way, stays);
  for (int i = 0; i < kClients; ++i) {
    if (clients[i].fd != 0) {
      free(clients[i].bytes);
      --mapped;
    }
  }
  require(mapped == 0);
  return 0;
}
