// Small text files that outlive a process, under $XDG_CACHE_HOME/apus (else ~/.cache/apus): what was measured here.
//
// Nothing depends on them: a folder that cannot be written, a file that is absent, spoilt or another version's only
// costs the time to measure again. A file is written under another name and renamed, so none is ever seen half.
#pragma once

#include <filesystem>
#include <string>

namespace apus {

// Where `name`, which may have a folder in it, is kept; empty if there is no home.
std::filesystem::path kept_path(const std::string& name);

// The file's text; empty if it is absent or larger than a megabyte.
std::string read_kept(const std::filesystem::path& path);

void write_kept(const std::filesystem::path& path, const std::string& text);

// Removes the files of `folder` that were written first, until `most` remain.
void keep_newest(const std::filesystem::path& folder, size_t most);

// The processor: brand and features.
const std::string& machine_name();

}  // namespace apus
