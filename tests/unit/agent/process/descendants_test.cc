#include "agent/process/descendants.h"

#include <gmock/gmock.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace rdev::process {
namespace {

TEST(Descendants, AreFoundBelowChildren) {
  // A name that parses badly: the fields of /proc/PID/stat come after the last parenthesis.
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_NAME, ") R 1 1 (");
    const pid_t grandchild = ::fork();
    if (grandchild == 0) {
      ::pause();
    }
    (void)!::write(ready[1], &grandchild, sizeof grandchild);
    ::pause();
  }
  pid_t grandchild = 0;
  ASSERT_EQ(::read(ready[0], &grandchild, sizeof grandchild), ssize_t{sizeof grandchild});
  EXPECT_THAT(descendants(), testing::IsSupersetOf({child, grandchild}));
  EXPECT_THAT(descendants(), testing::Not(testing::Contains(::getpid())));

  ::prctl(PR_SET_CHILD_SUBREAPER, 1);  // or the grandchild's end would be seen by others only
  signal_descendants(SIGKILL);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
  EXPECT_EQ(::waitpid(grandchild, &status, 0), grandchild);
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

}  // namespace
}  // namespace rdev::process
