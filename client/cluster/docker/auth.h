#pragma once

#include <optional>
#include <string>

#include "client/cluster/docker/docker_config.h"
#include "protocol/base/asio.h"

namespace rdev::cluster::docker {

// Where the credentials for a registry ("host[:port]", or an address with scheme and path) are, as
// the docker command looks: credHelpers before credsStore before auths.
struct CredentialSource {
  std::string helper;  // "docker-credential-HELPER" when not empty
  std::string header;  // else the header's value; empty: none are kept
};
Result<CredentialSource> find_credentials(const DockerConfig& config, const std::string& registry);

// The X-Registry-Auth header: base64url of JSON. `user` "<token>" makes `secret` an identity token.
std::string auth_header(const std::string& user, const std::string& secret,
                        const std::string& server);

// From a credential helper's answer to "get" (github.com/docker/docker-credential-helpers).
Result<std::string> header_from_helper(const std::string& answer, const std::string& server);

// The header for `registry`; empty when the user has no credentials for it.
awaitable<Result<std::string>> registry_auth(const DockerConfig& config, std::string registry);

}  // namespace rdev::cluster::docker
