#pragma once

#include <string>
#include <vector>

namespace rdev::test {

// The test program run as `PROGRAM serve --config FILE [-- CMD…]`: listens on the socket of its
// configuration, answers each connection with the job's name and closes it, runs CMD as a child,
// and ends on SIGTERM. With FAKE_AGENT_EXIT=N it ends at once with that code.
int run_fake_agent(const std::vector<std::string>& arguments);

}  // namespace rdev::test
