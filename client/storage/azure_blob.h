#pragma once

#include <map>
#include <memory>
#include <string>

#include "client/storage/store.h"

namespace rdev::storage {

// A container of Azure's blob service (Blob service REST API, version 2019-12-12), or of what
// speaks like it. Folders are what stands before a slash in the names of blobs; those made by
// make_folder() are empty blobs with the metadata hdi_isfolder=true, which blobfuse, that mounts
// the container in jobs, makes and takes for folders as well.
struct AzureOptions {
  http::Base endpoint;  // https://ACCOUNT.blob.core.windows.net
  std::string account, container;
  std::string key;   // Base64; or
  std::string sas;   // a query, with or without '?'; never in a message
  std::string root;  // the folder that paths begin in; "" or "a/b"
  http::TlsOptions tls = {};
};

std::unique_ptr<Store> azure_blob(AzureOptions options);

}  // namespace rdev::storage
