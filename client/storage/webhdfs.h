#pragma once

#include <memory>
#include <string>

#include "client/storage/store.h"

namespace rdev::storage {

// HDFS by its REST API ("WebHDFS REST API", Hadoop 2.9 documentation): a name node that sends
// elsewhere for bytes, with redirects, which are followed (never from https to http). A file that
// is being written is NAME.HASH.rdev-part, HASH of its source, and renamed when it is complete.
struct WebHdfsOptions {
  http::Base endpoint;  // http://HOST:50070/webhdfs/v1
  std::string user;     // user.name=
  std::string root;     // the folder that paths begin in; "" or "a/b"
  http::TlsOptions tls = {};
};

std::unique_ptr<Store> webhdfs(WebHdfsOptions options);

}  // namespace rdev::storage
