#include "client/carrier/child.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

namespace rdev::carrier {
namespace {

Result<Child> shell(const char* line) {
  return Child::spawn({"sh", "-c", line}, STDIN_FILENO, STDERR_FILENO, STDERR_FILENO);
}

TEST(Child, ItsCodeOrItsSignal) {
  auto exits = shell("exit 7");
  ASSERT_TRUE(exits);
  EXPECT_EQ(exits->wait(10'000), 7);
  auto killed = shell("kill -TERM $$");
  ASSERT_TRUE(killed);
  EXPECT_EQ(killed->wait(10'000), 128 + SIGTERM);
  auto late = shell("exec sleep 5000");
  ASSERT_TRUE(late);
  EXPECT_EQ(late->wait(1), 128 + SIGKILL);
}

// Asking again is harmless: pid -1 stands for every process.
TEST(Child, TheEndIsToldOnce) {
  auto child = shell("exit 7");
  ASSERT_TRUE(child);
  EXPECT_EQ(child->wait(10'000), 7);
  EXPECT_TRUE(child->is_over());
  EXPECT_EQ(child->wait(10), -1);
}

TEST(Child, NoSuchProgram) {
  const auto child = Child::spawn({"/no/such/program"}, STDIN_FILENO, STDERR_FILENO, STDERR_FILENO);
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().code, Code::kNotFound);
}

}  // namespace
}  // namespace rdev::carrier
