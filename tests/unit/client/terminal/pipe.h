#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "protocol/base/fd.h"

namespace rdev::test {

// What an Input reads is never closed in these tests: its thread may be about to read it once more,
// and the number may have come to another test by then.
inline int lend(base::Fd fd) { return fd.release(); }

struct Pipe {
  Pipe() {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    read = base::Fd(ends[0]);
    write = base::Fd(ends[1]);
  }
  base::Fd read, write;
};

inline void put(int fd, std::string_view text) {
  ASSERT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

inline std::string read_all(int fd) {
  std::string text;
  char buffer[65536];
  for (ssize_t n = 0; (n = ::read(fd, buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<std::size_t>(n));
  }
  return text;
}

}  // namespace rdev::test
