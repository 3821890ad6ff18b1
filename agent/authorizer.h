#pragma once

#include <vector>

#include "agent/process/accounts.h"
#include "protocol/sshd/server.h"

namespace rdev::agent {

// Every key may log in as every user that the agent can become.
class KeyAuthorizer final : public sshd::Authorizer {
 public:
  KeyAuthorizer(std::vector<ssh::PublicKey> keys, process::Account own)
      : keys_(std::move(keys)), own_(std::move(own)) {}

  bool may_login(const std::string& user, const ssh::PublicKey& key) override;

 private:
  std::vector<ssh::PublicKey> keys_;
  process::Account own_;
};

}  // namespace rdev::agent
