// Package getter stands in the place of Terraform's downloader of modules. The bridge's converter of programs is linked into every plugin, and with
// it that downloader, with the clients of three clouds' storage: most of what there would be to build. A plugin converts nothing.
package getter

import "errors"

var errNone = errors.New("this plugin gets no Terraform modules")

type Detector any

var Detectors []Detector

type FolderStorage struct{ StorageDir string }

func (*FolderStorage) Dir(string) (string, bool, error) { return "", false, errNone }
func (*FolderStorage) Get(string, string, bool) error   { return errNone }
func Get(string, string) error                          { return errNone }
func Detect(string, string, []Detector) (string, error) { return "", errNone }
func SourceDirSubdir(source string) (string, string)    { return source, "" }
func SubdirGlob(string, string) (string, error)         { return "", errNone }
