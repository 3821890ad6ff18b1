#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "client/cluster/local/keeper.h"
#include "tests/unit/client/cluster/local/fake_agent.h"

// The test program is also the keeper and the agent of the jobs that it starts.
int main(int argc, char** argv) {
  const std::string role = argc > 1 ? argv[1] : "";
  const std::vector<std::string> rest(argv + (argc > 1 ? 2 : 1), argv + argc);
  if (role == rdev::cluster::kKeeperCommand) {
    return rdev::cluster::run_keeper(rest);
  }
  if (role == "serve") {
    return rdev::test::run_fake_agent(rest);
  }
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
