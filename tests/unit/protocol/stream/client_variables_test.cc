#include "protocol/stream/client_variables.h"

#include <gtest/gtest.h>

namespace rdev::stream {
namespace {

TEST(ClientMaySet, LocaleAndGitOnly) {
  for (const char* name : {"LANG", "LC_ALL", "LC_TIME", "COLORTERM", "GIT_AUTHOR_NAME", "TZ"}) {
    EXPECT_TRUE(client_may_set(name)) << name;
  }
  for (const char* name : {"PATH", "LD_PRELOAD", "HOME", "BASH_ENV", "LANGX", "ENV", "", "XLC_A"}) {
    EXPECT_FALSE(client_may_set(name)) << name;
  }
}

}  // namespace
}  // namespace rdev::stream
