# With CMAKE_UNITY_BUILD, which the presets of whole builds set, the sources of a folder are compiled
# as one: what the headers instantiate is then compiled once for all of them. Names in anonymous
# namespaces must differ within a folder.
function(sm_unity_by_folder target)
  get_target_property(sources ${target} SOURCES)
  foreach(source IN LISTS sources)
    if(source MATCHES "\\.cpp$")
      get_filename_component(folder ${source} DIRECTORY)
      string(MAKE_C_IDENTIFIER "of_${folder}" group)
      set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${group})
    endif()
  endforeach()
  set_target_properties(${target} PROPERTIES UNITY_BUILD_MODE GROUP)
endfunction()
