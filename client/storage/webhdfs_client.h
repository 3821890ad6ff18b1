#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/storage/webhdfs.h"

namespace rdev::storage {

struct HdfsCall {
  std::string method = "GET";
  std::string op;
  std::string path;                                            // below the root
  std::vector<std::pair<std::string, std::string>> more = {};  // parameters
  bool repeatable = false;
  http::Source source = {};   // goes to the data node
  http::Sink sink = nullptr;  // takes what the data node has
};

// Where the Location of a redirect leads. Code::kPermission for a way from https to http,
// Code::kProtocol for what is no address.
Result<http::Target> where_to(const http::Base& endpoint, const std::string& location);

// One call with its redirect. Any status of 400 and above is an error with the server's reason.
class HdfsClient final {
 public:
  explicit HdfsClient(WebHdfsOptions options);

  const WebHdfsOptions& options() const { return options_; }
  // The path as the server has it, with a slash in front.
  std::string full_path(const std::string& path) const;
  awaitable<Result<http::Answer>> call(HdfsCall call);

 private:
  std::string target(const HdfsCall& call) const;
  http::Client& data_node(const http::Base& base);
  awaitable<Result<http::Answer>> send(const HdfsCall& call);
  awaitable<Result<http::Answer>> follow(const HdfsCall& call, const http::Answer& redirect);

  WebHdfsOptions options_;
  http::Client name_node_;
  std::map<std::string, std::unique_ptr<http::Client>> data_nodes_;  // by address
};

}  // namespace rdev::storage
