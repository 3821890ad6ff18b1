#include "client/ui/secret.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "protocol/base/fd.h"

namespace rdev::ui {
namespace {

Result<std::string> read_from_pipe(const std::string& text) {
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  const base::Fd out(ends[0]);
  base::Fd in(ends[1]);
  EXPECT_EQ(::write(in.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  in.reset();
  return read_secret(out.get());
}

TEST(Secret, IsTheFirstLineWithoutItsEnd) {
  EXPECT_EQ(read_from_pipe("geheim\nmore").value(), "geheim");
  EXPECT_EQ(read_from_pipe("ge heim").value(), "ge heim");
  EXPECT_EQ(read_from_pipe("geheim\r\n").value(), "geheim");
  EXPECT_EQ(read_from_pipe("").value(), "");
  EXPECT_EQ(read_from_pipe("\x03x\x7f\n").value(), "\x03x\x7f");  // no terminal, no keys
}

TEST(Secret, HasALimit) {
  // A pipe holds 64 KiB: one line of them, and no more is read.
  EXPECT_EQ(read_from_pipe(std::string(65536, 'x')).value().size(), 65536U);
}

}  // namespace
}  // namespace rdev::ui
