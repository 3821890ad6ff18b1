#pragma once

// Linux on x86-64 without a libc: what the stub asks the kernel for. A result below 0 is -errno.

#include <fcntl.h>
#include <linux/memfd.h>
#include <poll.h>
#include <stddef.h>
#include <sys/syscall.h>

#ifndef RDEV_OWN_KERNEL  // stub_fuzz.c has one
static long call6(long number, long a, long b, long c, long d, long e, long f) {
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "+a"(number)
                   : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return number;
}
#endif
#define CALL(number, a, b, c, d) call6(number, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

enum { kIntr = -4, kAgain = -11, kInval = -22 };

static long sys_write(int fd, const void* bytes, u64 size) {
  return CALL(SYS_write, fd, bytes, size, 0);
}
static void sys_close(int fd) { CALL(SYS_close, fd, 0, 0, 0); }
_Noreturn static void sys_exit(int code) {
  CALL(SYS_exit_group, code, 0, 0, 0);
  __builtin_unreachable();
}
// Seconds that also count while the machine sleeps.
static long now_s(void) {
  long time[2] = {0, 0};
  CALL(SYS_clock_gettime, 7 /* CLOCK_BOOTTIME */, time, 0, 0);
  return time[0];
}

static u64 length(const char* text) {
  u64 n = 0;
  while (text[n] != '\0') {
    ++n;
  }
  return n;
}
static int same(const char* a, const char* b) {
  for (; *a != '\0' && *a == *b; ++a, ++b) {
  }
  return *a == *b;
}
static void say(int fd, const char* text) { sys_write(fd, text, length(text)); }
