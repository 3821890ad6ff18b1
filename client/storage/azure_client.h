#pragma once

#include <map>
#include <string>

#include "client/storage/azure_blob.h"

namespace rdev::storage {

struct AzureCall {
  std::string method = "GET";
  std::string blob;  // below the container; empty: the container itself
  std::map<std::string, std::string> query = {};    // names in lower case
  std::map<std::string, std::string> headers = {};  // the same
  std::string body = {};
  http::Source source = {};
  http::Sink sink = nullptr;
  std::size_t max_bytes = 8U << 20U;
};

// Signed calls to one container. Any status of 400 and above is an error, whose message names the
// service's code and what it is about.
class AzureClient final {
 public:
  explicit AzureClient(AzureOptions options);

  const AzureOptions& options() const { return options_; }
  awaitable<Result<http::Answer>> call(AzureCall call);

 private:
  Result<http::Call> sign(AzureCall& call) const;

  AzureOptions options_;
  http::Client client_;
};

}  // namespace rdev::storage
