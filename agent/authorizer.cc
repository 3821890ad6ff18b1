#include "agent/authorizer.h"

#include <algorithm>

namespace rdev::agent {

bool KeyAuthorizer::may_login(const std::string& user, const ssh::PublicKey& key) {
  return std::find(keys_.begin(), keys_.end(), key) != keys_.end() &&
         process::login_account(user, own_).has_value();
}

}  // namespace rdev::agent
