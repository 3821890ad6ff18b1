#pragma once

#include <gtest/gtest.h>

#include "protocol/sshd/host.h"
#include "tests/unit/protocol/ssh/fakes.h"

namespace rdev::sshd {

// What an AgentHandler answers.
inline awaitable<Result<std::shared_ptr<void>>> lent(Result<std::shared_ptr<void>> answer) {
  co_return answer;
}

// A host that serves nothing yet, and what runs it.
class HostTest : public testing::Test {
 protected:
  struct Nobody final : Authorizer {
    bool may_login(const std::string&, const ssh::PublicKey&) override { return false; }
  };

  void poll() {
    context.restart();
    context.poll();
  }

  asio::io_context context;
  Nobody nobody;
  Host host{context.get_executor(),
            ssh::PrivateKey::generate(),
            nobody,
            {},
            {},
            base::TaskGroup(context.get_executor())};
  ssh::test::FakeSink sink;
};

}  // namespace rdev::sshd
